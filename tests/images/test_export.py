"""What is exported comes back whole: scene, pixels, scale, pictures; and others can read it."""

import io
import math
import warnings

import numpy as np
import pytest
import torch
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from lenslab.images import export
from lenslab.images.observation import Observation
from lenslab.picture import recall, remember
from lenslab.scene import Camera, Clump, Lens, Scene, Sersic, Source, Substructure
from lenslab.scenes import Scenes
from lenslab.sky import read
from lenslab.sky.upload import open_upload

RNG = np.random.default_rng(4)
PSF = np.outer([1, 2, 1], [1, 2, 1]) / 16
SCENES = {
    "default": Scene(),
    "full": Scene(lens=Lens(theta_E=1.1 + 1e-13, phi=-0.3), lens_light=(Sersic(n_sersic=4), Sersic(magnitude=20)),
                  source=Source(clumps=(Sersic(R_sersic=0.05),)), seed_noise=2**53 - 1, z_lens=0.31,
                  camera=Camera(num_pix=24, background_rms=0.01), substructure=Substructure(kind="cdm")),
    "clumps": Scene(camera=Camera(num_pix=16), substructure=Substructure(clumps=tuple(
        Clump(center_x=0.001 * k) for k in range(2500)))),
}


def seen(scene: Scene, dtype=torch.float64) -> Observation:
    """An observation of noise alone, with every field filled: what is in a file does not depend on what it shows."""
    n = scene.camera.num_pix
    image, model = (torch.from_numpy(RNG.normal(size=(1, 1, n, n))).to(dtype) for _ in range(2))
    return Observation(image=image, variance=model.abs() + 0.1, pixel_scale=scene.camera.pixel_scale, psf=PSF,
                       model=model, scenes=Scenes.of([scene], dtype=dtype), name="test")


def opened(data: bytes) -> fits.HDUList:
    """A FITS file as astropy sees it; any complaint fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = fits.open(io.BytesIO(data))
        file.verify("exception")
        for hdu in file:
            _ = hdu.data
    return file


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ending", ["fits", "npz"])
def test_a_file_carries_all(name, dtype, ending):
    scene = SCENES[name]
    observation = seen(scene, dtype)
    data = (export.to_fits if ending == "fits" else export.to_npz)(scene, observation)
    back = open_upload(f"lens.{ending}", data, dtype=dtype)
    assert back.scene == scene
    if dtype == torch.float64:
        assert back.observation.scenes.scene(0) == scene
    for field in ("image", "model"):
        assert torch.equal(getattr(back.observation, field), getattr(observation, field)), field
    # sigma is stored: its square is the variance to a rounding or two
    torch.testing.assert_close(back.observation.variance, observation.variance, atol=0,
                               rtol=4 * torch.finfo(dtype).eps)
    assert back.observation.pixel_scale == observation.pixel_scale and back.observation.unit == "counts/s"
    assert np.array_equal(back.observation.psf, PSF) and back.observation.north is None
    assert back.observation.notes == ()


def test_astropy_has_nothing_to_complain_of():
    scene = SCENES["full"]
    observation = seen(scene)
    file = opened(export.to_fits(scene, observation))
    assert [hdu.name for hdu in file] == ["PRIMARY", "NOISE", "PSF", "MODEL", "SCENE"]
    np.testing.assert_array_equal(file[0].data, observation.image[0, 0].numpy())
    assert Scene.from_json(file["SCENE"].data.tobytes()) == scene
    assert "lens.theta_E = 1.1000000000001" in str(file[0].header["COMMENT"])
    x, y = WCS(file[0].header).wcs_pix2world([[0, 0], [23, 23]], 0).T  # pixel i lies at (i - (N - 1)/2) * scale
    np.testing.assert_allclose([x, y], [[-11.5 * 0.08, 11.5 * 0.08]] * 2, atol=1e-12)


@pytest.mark.parametrize("north", [0.0, 0.7, -2.5])
@pytest.mark.parametrize("east_left", [True, False])
def test_north_masks_and_names_of_real_images_survive(north, east_left):
    image = torch.from_numpy(RNG.normal(size=(1, 1, 20, 30)))
    mask = torch.from_numpy(RNG.random((1, 1, 20, 30)) > 0.1)
    observation = Observation(image=image * mask, variance=torch.ones_like(image), pixel_scale=0.040007, unit="e-/s",
                              mask=mask, north=north, east_left=east_left, name="Einstein \u2019s ring")
    for ending, write in (("fits", export.to_fits), ("npz", export.to_npz)):
        data = write(None, observation)
        back = read.read(f"a.{ending}", data)
        assert torch.equal(back.image, observation.image) and torch.equal(back.mask, mask)
        assert back.north == pytest.approx(north, abs=1e-12) and back.east_left == east_left
        assert back.pixel_scale == 0.040007 and back.unit == "e-/s"
        if ending == "fits":
            opened(data)
            assert back.name == "Einstein ?s ring"


def test_pictures_travel_with_the_scene_and_are_true_to_their_hash():
    picture = RNG.random((12, 17)).astype(np.float32)
    name, psf = remember(picture), remember(PSF.astype(np.float32))
    scene = Scene(source=Source(picture=name), camera=Camera(num_pix=16, psf="pixel", psf_picture=psf))
    observation = seen(scene)
    for ending, write in (("fits", export.to_fits), ("npz", export.to_npz)):
        data = write(scene, observation)
        back = open_upload(f"a.{ending}", data)
        assert back.scene == scene and set(back.pictures) == {name, psf}
        assert np.array_equal(back.pictures[name], picture) and np.array_equal(recall(name), picture)
    data = export.to_fits(scene, observation)
    opened(data)
    at = data.index(picture.astype(">f4").tobytes())
    with pytest.raises(ValueError, match="has been changed"):
        open_upload("a.fits", data[:at] + picture[::-1].astype(">f4").tobytes() + data[at + picture.nbytes:])


def test_an_image_without_noise_is_exported_all_the_same():
    observation = seen(Scene())
    still = Observation(image=observation.image, variance=torch.zeros_like(observation.image), pixel_scale=0.08)
    assert "NOISE" not in opened(export.to_fits(Scene(), still))
    assert torch.equal(open_upload("a.npz", export.to_npz(Scene(), still)).observation.image, observation.image)


def test_scene_json_comes_back():
    for scene in SCENES.values():
        back = open_upload("scene.json", export.to_json(scene))
        assert back.scene == scene and back.observation is None


def test_colours_are_inferno():
    from matplotlib import colormaps
    table = 255 * colormaps["inferno"](np.arange(256))[:, :3]
    assert np.abs(export.inferno() - table).max() <= 7  # straight lines between sixteen of its colours
    # ever brighter, so that order in colour is order in brightness (luminance of ITU-R 601)
    assert (np.diff(export.inferno() @ [0.299, 0.587, 0.114]) > -0.5).all()


def test_png_shows_the_image_upright_and_in_order():
    n = 24
    ramp = torch.linspace(0, 1, n, dtype=torch.float64)[:, None].expand(n, n)[None, None].clone()
    ramp[..., 5, 7] = -50.0
    mask = torch.ones_like(ramp, dtype=torch.bool)
    mask[..., 5, 7] = False
    observation = Observation(image=ramp, variance=torch.full_like(ramp, 1e-4), pixel_scale=0.1, mask=mask)
    shown = np.asarray(Image.open(io.BytesIO(export.to_png(observation))).convert("L")).astype(float)
    factor = len(shown) // n
    assert shown.shape == (n * factor,) * 2 and len(shown) >= 480
    rows = shown[::factor, 0]
    assert rows[0] > 200 and rows[-1] < 5 and (np.diff(rows) <= 0.5).all()  # bright at the top: y grows upwards
    assert shown[(n - 1 - 5) * factor, 7 * factor] < 5


@pytest.mark.parametrize("name", SCENES)
def test_python_lines_make_the_scene(name):
    text = export.python_lines(SCENES[name])
    made = text[:text.index("observation =")]
    space = {}
    exec(made.replace("from lenslab.images.simulate import observe_scene\n", ""), space)
    assert space["scene"] == SCENES[name]
    assert "theta_E" in text if name == "full" else "theta_E" not in text


def test_python_lines_make_the_pixels():
    from lenslab.images.simulate import observe_scene
    scene = Scene(lens=Lens(theta_E=1.05), lens_light=(Sersic(magnitude=21),), camera=Camera(num_pix=24),
                  substructure=Substructure(kind="cdm", f_sub=0.02, log10_m_resolved=8.0))
    space = {}
    exec(export.python_lines(scene), space)
    observation = observe_scene(scene)
    assert np.array_equal(space["image"], observation.image[0, 0].numpy())
    back = open_upload("lens.fits", export.to_fits(scene, observation))
    again = observe_scene(back.scene)
    assert torch.equal(again.image, back.observation.image) and torch.equal(again.model, back.observation.model)
    assert not math.isnan(float(again.image.sum()))
