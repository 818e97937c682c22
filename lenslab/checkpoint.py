"""A trained network in one file: NAME.safetensors, with its card (JSON) in the header. Nothing is ever unpickled.

The layout is that of safetensors (github.com/huggingface/safetensors, README, "Format"): 8 bytes N, N bytes of JSON,
the numbers. The card is one word of its `__metadata__`, so that a list of checkpoints reads a few kilobytes of each and
loads no torch. A file may come from anywhere: N is checked before anything of that size is read.

The card: format, task, network, population and its definition, config, what the task's network depends on (classes,
constants, smooth_lens, ...), metrics (intervals among them), split, seed, steps, duration (s), device, precision, code,
initialised_from, complete.
"""

import json
import math
import os
from pathlib import Path

from lenslab import strict_json

WORD = "lenslab"
FORMAT = 2             # of the card; the first had no such entry, and its networks asked the populations of their day
NOVELTY = "novelty."   # tensors that tell what is usual for a network (lenslab.insight.novelty), beside its weights
MAX_HEADER = 8 << 20
MAX_CARD = 1 << 20
ROOT = Path(__file__).resolve().parent.parent


def checkpoints_folder() -> Path:
    """Where kept checkpoints lie: LENSLAB_CHECKPOINTS, or `checkpoints` beside the package."""
    return Path(os.environ.get("LENSLAB_CHECKPOINTS") or ROOT / "checkpoints")


def save(path: str | os.PathLike, tensors: dict, card: dict, keep: Path | None = None) -> None:
    """Write a state dict and its card as one file, replaced as a whole or not at all; `keep` names the one before."""
    from safetensors.torch import save as to_bytes

    # A clone each: weights that are tied share memory, which the format refuses.
    own = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(plain(card), allow_nan=False)
    if len(text.encode()) > MAX_CARD:
        raise ValueError(f"The card of {Path(path).name} has {len(text.encode())} bytes; at most {MAX_CARD} fit.")
    write_atomically(Path(path), to_bytes(own, {WORD: text}), keep)


def tensors_of(model, novelty=None) -> dict:
    """The state dict of a network, with what is usual for it where that is known: what `save` writes."""
    beside = {} if novelty is None else {NOVELTY + name: tensor for name, tensor in novelty.state_dict().items()}
    return model.state_dict() | beside


def load(path: str | os.PathLike) -> tuple[dict, dict]:
    """Tensors (on the CPU) and card of a file; a ValueError says in words what is wrong with it."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    card = read_card(path)
    try:
        return load_file(path), card
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{Path(path).name} is damaged ({error}); take another copy of it.") from None


def read_card(path: str | os.PathLike) -> dict:
    """The card alone, from the header; neither torch nor the numbers are loaded."""
    return read_header(path)[0]


def read_header(path: str | os.PathLike) -> tuple[dict, dict]:
    """Card, and {name: (dtype word, shape)} of the tensors; the file must be as long as its header says."""
    path = Path(path)
    refusal = f"{path.name} is no checkpoint of lenslab"
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 10 or not 2 <= length <= min(MAX_HEADER, size - 8):
                raise ValueError(f"{refusal}, or only the beginning of one; take another copy of it.")
            text = file.read(length)
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(f"There is no checkpoint {path}.") from None
    try:
        header = strict_json.loads(text)
        words = header.pop("__metadata__")
        card = strict_json.loads(words[WORD])
        tensors = {name: (entry["dtype"], tuple(int(n) for n in entry["shape"])) for name, entry in header.items()}
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise ValueError(f"{refusal}: its header cannot be read; make one with python -m lenslab train.") from None
    if not isinstance(card, dict):
        raise ValueError(f"{refusal}: its card is no table.")
    if 8 + length + end != size:
        raise ValueError(f"{path.name} has {size} bytes and should have {8 + length + end}: it is not whole; "
                         "take another copy of it.")
    return card, tensors


def load_into(model, path: str | os.PathLike) -> dict:
    """Put the weights of a file into a network of just these names and shapes; returns the card.

    Anything else is refused in a sentence, and the network stays as it was.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    given = weights(path)
    faults = [f"it lacks {some(wanted.keys() - given.keys())}"] * bool(wanted.keys() - given.keys())
    faults += [f"it has {some(given.keys() - wanted.keys())} too much"] * bool(given.keys() - wanted.keys())
    faults += [f"{name} is {list(given[name])} where the network has {list(shape)}"
               for name, shape in wanted.items() if given.get(name, shape) != shape][:3]
    if faults:
        raise ValueError(f"{Path(path).name} does not fit this network: {'; '.join(faults)}. "
                         "Build the network with the settings in its card.")
    tensors, card = load(path)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{Path(path).name} holds numbers that are not finite in {name}; take another.")
    model.load_state_dict({name: tensor for name, tensor in tensors.items() if name in wanted})
    return card


def weights(path: str | os.PathLike) -> dict[str, tuple[int, ...]]:
    """{name: shape} of the tensors of a file that are the network's own."""
    return {name: shape for name, (_, shape) in read_header(path)[1].items() if not name.startswith(NOVELTY)}


def tensors_under(path: str | os.PathLike, prefix: str) -> dict:
    """The tensors of a file whose names begin with a prefix, under what follows it."""
    return {name.removeprefix(prefix): tensor for name, tensor in load(path)[0].items() if name.startswith(prefix)}


def fits(model, path: str | os.PathLike) -> bool:
    """Whether a file has the names and shapes of a network's tensors."""
    return weights(path) == {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def take_over(model, path: str | os.PathLike) -> dict:
    """Begin with what a network for another population, or an older one of its kind, knows; returns the card.

    That is weights of the same name and shape. A layer that sees more channels than its elder keeps what that knew of
    those they share, and looks past the others at first. The rest stays fresh. A file that shares nothing is refused.
    """
    tensors, card = load(path)
    own, taken = model.state_dict(), 0
    for name, tensor in tensors.items():
        here = own.get(name)
        wider = here is not None and here.ndim == tensor.ndim > 1 and tensor.shape[1] < here.shape[1] and \
            here.shape[:1] + here.shape[2:] == tensor.shape[:1] + tensor.shape[2:]
        if here is None or not tensor.isfinite().all() or not (wider or here.shape == tensor.shape):
            continue
        if wider:
            known, tensor = tensor, here.new_zeros(here.shape)
            tensor[:, :known.shape[1]] = known
        own[name], taken = tensor, taken + 1
    if not taken:
        raise ValueError(f"{Path(path).name} has no weights in common with this network; take a checkpoint of the "
                         "same kind of network.")
    model.load_state_dict(own)
    return card


def list_checkpoints(folder: str | os.PathLike | None = None) -> list[tuple[Path, dict]]:
    """(path, card) of each file of a folder, by name; what cannot be read has the card {"problem": sentence}."""
    listed = []
    for path in sorted(Path(folder or checkpoints_folder()).glob("*.safetensors")):
        try:
            card = read_card(path)
            listed.append((path, card if "task" in card else {"problem": f"{path.name} names no task."}))
        except (ValueError, OSError) as error:
            listed.append((path, {"problem": str(error)}))
    return listed


def remark(path: str | os.PathLike, **found) -> None:
    """Put what was measured of a network beside its training into its header, under "benchmark"."""
    tensors, card = load(path)
    save(path, tensors, card | dict(benchmark=card.get("benchmark", {}) | found))


def parameters(path: Path) -> int:
    """Weights of a file, what they learnt of batches included and what is usual left out."""
    return sum(math.prod(shape) for shape in weights(path).values())


def duration_words(seconds) -> str:
    if not isinstance(seconds, int | float):
        return ""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else \
        f"{seconds / 3600:.1f} h"


def some(names) -> str:
    names = sorted(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def plain(value):
    """The same as JSON can hold it: numbers of numpy and torch become plain ones, what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    raise TypeError(f"A card holds plain values only, not {type(value).__name__}.")


def write_atomically(path: Path, data: bytes, keep: Path | None = None) -> None:
    """Replace a file as a whole: a kill or a full disk leaves the old one; after the return the new one is on the disk.

    With `keep` the old one takes that name; killed between the two renames, it is there and `path` is not.
    The temporary file is hidden beside it, `.NAME.PID.tmp`; one that a kill left behind may be deleted.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            os.replace(path, keep)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A name is safe only when its folder is on the disk too; Windows has no such call and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
