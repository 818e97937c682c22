"""How long a scene takes to draw, told before it is drawn: links ask for anything, and a page must not run for minutes.

Nanoseconds of one core and one thread: they sort scenes into those that are drawn at once, those that pass the gate,
and those that are refused, and are right to a factor of two (benchmarks/hostile.py holds them against the clock).
"""

from lenslab.scene import Scene

RAY, RAY_LIGHT, RAY_POINT, RAY_HALO = 250, 30, 15, 100     # of the image, a ray
PIXEL, PIXEL_POINT, PIXEL_HALO = 1500, 150, 1000           # of the maps (ten deflections and more), a pixel


def seconds(scene: Scene, points: int, halos: int) -> float:
    """Image and maps of a scene with so many point masses and halos."""
    return image_seconds(scene, points, halos) + 1e-9 * scene.camera.num_pix**2 * (
        PIXEL + PIXEL_POINT * points + PIXEL_HALO * halos)


def image_seconds(scene: Scene, points: int, halos: int) -> float:
    """One image of a scene."""
    rays, lights = scene.camera.num_pix * scene.camera.supersampling, len(scene.lens_light) + len(scene.source.clumps)
    return 1e-9 * rays**2 * (RAY + RAY_LIGHT * lights + RAY_POINT * points + RAY_HALO * halos)
