"""Export and share: files that others can read, the lines of python, and a link."""

from urllib.parse import urlencode

import streamlit as st

from lenslab.images import export
from lenslab.scene import Scene
from lenslab.sky import upload
from lenslab.ui import cached, links, state


def imported() -> None:
    """Take the scene of an uploaded file, with the pictures that came with it."""
    file = st.session_state["export.import"]
    if file is None:
        return
    try:
        found = upload.open_upload(file.name, file.getvalue())
        if found.scene is None:
            raise ValueError("This file holds an image and no scene. Load it under Beside a real lens, or give a "
                             "scene.json or a FITS or npz file that was exported here.")
        for picture in found.pictures.values():
            state.keep_picture(picture)
        scene = found.scene
        state.take(scene)
        left_out = links.without_lost_pictures(scene)
        if left_out != scene:
            told = state.notice()
            state.take(left_out)
            state.notify(told)
    except ValueError as error:
        state.notify(str(error))


def export_look(scene: Scene) -> None:
    """Downloads, made when they are asked for."""
    pictures = dict(state.pictures())
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Take it with you**")
        with st.container(horizontal=True):
            st.download_button("FITS", lambda: export.to_fits(scene, cached.precise(scene), pictures), "lens.fits",
                               "application/fits", key="export.fits", on_click="ignore", icon=":material/download:",
                               help="Image with WCS, noise, PSF, noise-free model, and the scene in its header.")
            st.download_button("npz", lambda: export.to_npz(scene, cached.precise(scene), pictures), "lens.npz",
                               "application/octet-stream", key="export.npz", on_click="ignore",
                               icon=":material/download:", help="The same as numpy arrays.")
            st.download_button("PNG", lambda: export.to_png(cached.precise(scene)), "lens.png", "image/png",
                               key="export.png", on_click="ignore", icon=":material/download:")
            st.download_button("scene.json", lambda: export.to_json(scene), "scene.json", "application/json",
                               key="export.json", on_click="ignore", icon=":material/download:",
                               help="All settings of this page.")
        st.markdown("**Can the mass be read off it again?**")
        if st.button("Send to Reconstruct", key="export.reconstruct", icon=":material/center_focus_strong:"):
            st.session_state["reconstruct.form.source"] = "lens"
            st.switch_page("pages/reconstruct.py")
        st.markdown("**Share it**")
        query = urlencode(links.to_query(scene)) if not st.session_state.get(links.LONG) else ""
        if query or scene == Scene():
            st.code((st.context.url or "").split("?")[0] + (f"?{query}" if query else ""), language=None,
                    wrap_lines=True)
        for remark in links.remarks(scene):
            st.caption(remark)
        st.caption("The address bar carries the scene too. The same link makes the same image, noise included.")
        st.file_uploader("Import a scene.json, or a FITS or npz file from here", key="export.import",
                         type=["json", "fits", "npz"], on_change=imported, max_upload_size=20)
    with right:
        st.markdown("**The same image in python**")
        st.code(export.python_lines(scene), language="python", height=360)
