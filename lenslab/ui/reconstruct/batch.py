"""Several files in one go: each is reconstructed in its turn, the table grows, and all of it is one download."""

import io
import zipfile
from dataclasses import dataclass, field

import streamlit as st

from lenslab.fit.observed import Masks
from lenslab.sky import catalogue, upload
from lenslab.tasks.reconstruct import NETWORKS, Reconstruction, Settings
from lenslab.ui.escape import plain
from lenslab.ui.gate import GATE, Stopped, Turn, waiting_sentence
from lenslab.ui.pick.real import FILES, Kept
from lenslab.ui.reconstruct import form, numbers
from lenslab.ui.reconstruct.export import to_json
from lenslab.ui.reconstruct.image import of_kept
from lenslab.ui.reconstruct.work import Order, Working, steps

MOST = 6
WATCH = 1.0            # s between two looks
BATCH, SCALE, UPLOADED = "reconstruct.batch", "reconstruct.batch.scale", "reconstruct.batch.files"


@dataclass(eq=False)
class Batch:
    """Files by name, and what each has become: a Reconstruction, or a sentence."""

    files: dict[str, bytes]
    network: str
    settings: Settings
    pixel_scale: float | None
    turn: Turn | None = None
    answers: dict[str, Reconstruction | str] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.turn.done.is_set()

    def work(self, turn: Turn) -> None:
        for k, (name, data) in enumerate(self.files.items()):
            try:
                self.answers[name] = self.one(turn, k, name, data)
            except ValueError as error:
                self.answers[name] = str(error)

    def one(self, turn: Turn, k: int, name: str, data: bytes) -> Reconstruction:
        found = upload.open_upload(name, data, pixel_scale=self.pixel_scale)
        if found.observation is None:
            raise ValueError(f"{name} holds a scene and no image; give images.")
        listed = catalogue.listed(data)
        image = of_kept(Kept(found.observation, None if listed is None else catalogue.literature(listed), found.scene))
        for progress in steps(Order(image, self.network, self.settings, Masks())):
            turn.check()
            turn.progress = (k + min(progress.share, 0.99)) / len(self.files)
        return progress.reconstruction


def look(order: Order | None, working: Working | None) -> None:
    """Up to MOST files, by the network and switches of the controls; nothing is masked."""
    st.file_uploader(f"Up to {MOST} images (FITS, npy, npz, PNG; up to 20 MB each)", type=FILES, key=UPLOADED,
                     accept_multiple_files=True, max_upload_size=20)
    st.number_input("Pixel scale (″), if the files tell none", 0.0, 100.0, 0.0, step=0.01, format="%.3f", key=SCALE)
    files = st.session_state.get(UPLOADED) or []
    if len(files) > MOST:
        st.warning(f"{len(files)} files were given; the first {MOST} are taken. The shell takes whole folders.")
    st.button("Reconstruct them all", key="reconstruct.batch.begin", icon=":material/play_circle:",
              disabled=not files, on_click=begin)
    held = st.session_state.get(BATCH)
    if held is not None:
        st.fragment(watch, run_every=None if held.over else WATCH)(held, held.over)


def begin() -> None:
    leave()
    name = form.FORM.value("network", next(iter(NETWORKS)))
    files = {file.name: file.getvalue() for file in st.session_state[UPLOADED][:MOST]}
    batch = Batch(files, name, form.settings(NETWORKS[name].heeds), st.session_state.get(SCALE) or None)
    batch.turn = GATE.ask(batch.work)
    st.session_state[BATCH] = batch


def leave() -> None:
    held = st.session_state.get(BATCH)
    if held is not None and not held.over:
        held.turn.cancel()


def watch(batch: Batch, was_over: bool) -> None:
    """Progress with Stop, the table as far as it is, and the download once it is all there."""
    if batch.over and not was_over:
        st.rerun()
    if not batch.over:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(waiting_sentence("The lenses form, one after the other", batch.turn))
            st.button("Stop", key="reconstruct.batch.stop", icon=":material/stop_circle:", on_click=batch.turn.cancel)
    elif stopped_early(batch):
        st.caption(f"Stopped: {len(batch.answers)} of {len(batch.files)} are done.")
    if batch.answers:
        st.table([row(name, answer) for name, answer in list(batch.answers.items())], border="horizontal")
    if batch.over and any(isinstance(answer, Reconstruction) for answer in batch.answers.values()):
        st.download_button("All of it", lambda: to_zip(batch), "reconstructions.zip", "application/zip",
                           key="reconstruct.batch.zip", on_click="ignore", icon=":material/download:",
                           help="A FITS file with all maps and a JSON file with all numbers for each image.")


def stopped_early(batch: Batch) -> bool:
    try:
        batch.turn.result()
    except Stopped:
        return True
    return False


def row(name: str, answer: Reconstruction | str) -> dict[str, str]:
    if isinstance(answer, str):
        return {"file": plain(name)} | dict.fromkeys(("Einstein radius", "axis ratio", "χ² a pixel"), "") | {
            "verdict": plain(answer)}
    theta_E, q = (answer.parameters.get(path) for path in ("lens.theta_E", "lens.q"))
    return {"file": plain(name),
            "Einstein radius": "" if theta_E is None else numbers.with_error(theta_E.mean, theta_E.std, "″"),
            "axis ratio": "" if q is None else numbers.with_error(q.mean, q.std, ""),
            "χ² a pixel": f"{answer.reduced_chi2:.2f}", "verdict": plain(answer.why) or "converged"}


def to_zip(batch: Batch) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, answer in enumerate(batch.answers.values(), 1):
            if isinstance(answer, Reconstruction):
                archive.writestr(f"reconstruction-{number}.fits", answer.to_fits())
                archive.writestr(f"reconstruction-{number}.json", to_json(answer))
    return out.getvalue()
