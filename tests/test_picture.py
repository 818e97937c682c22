"""Pictures are kept by content, within bounds."""

import numpy as np
import pytest

from lenslab import picture


def test_a_picture_comes_back_by_its_content():
    image = np.arange(12.0).reshape(3, 4)
    name = picture.remember(image)
    assert name == picture.remember(image.astype("f4")) != picture.remember(image.reshape(4, 3))
    np.testing.assert_array_equal(picture.recall(name), image)
    with pytest.raises(ValueError):
        picture.recall(name)[0, 0] = 1.0


@pytest.mark.parametrize("image, says", [
    (np.ones(5), "two sides"), (np.ones((1, 9)), "two sides"), (np.full((3, 3), np.nan), "not finite"),
    (np.zeros((3, 3)), "no light"), (np.ones((2, 5000)), "4096"),
])
def test_what_is_no_picture_is_refused(image, says):
    with pytest.raises(ValueError, match=says):
        picture.remember(image)


def test_the_store_forgets_the_oldest_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(picture, "STORE_BYTES", 3 * 400)
    names = [picture.remember(np.full((10, 10), k + 1.0)) for k in range(5)]
    picture.recall(names[-1])
    with pytest.raises(ValueError, match="Load the picture again"):
        picture.recall(names[0])
