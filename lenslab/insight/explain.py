"""Which pixels argue for a class? Maps of evidence over an image, by three methods of captum.

A network answers in stages (lenslab.nets.classifier): see, embed, head. Maps are made upon what it sees, one number a
pixel and channel, so that a channel can be asked alone. Logits are explained, before any temperature. The baseline,
what a hidden pixel is replaced by, is what the network sees of an empty frame: zero sigmas everywhere.

captum hooks itself into modules, and its hooks on a network that others use meanwhile fail now and then, or spoil
their answers. Each call therefore works on a deep copy (2-30 ms); the network itself is only read. captum takes 1.7 s
to import and is imported where it is used.
"""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEPS = 32            # of integrated gradients, Gauss-Legendre
PATCHES = 16          # patches of occlusion along a side of what the network sees, each overlapping the next by half
AT_ONCE = 32          # images in one pass: bounds the memory of integrated gradients and occlusion
METHODS = {
    "integrated_gradients": "Integrated gradients: each pixel's share of what the image adds to the logit of this "
                            "class, as its light grows from an empty sky; fine and noisy.",
    "occlusion": "Occlusion: how far the logit of this class falls when a patch is replaced by empty sky; slow, and "
                 "needs no gradient.",
    "grad_cam": "Grad-CAM: where the last convolutions respond to what raises this class; coarse and quick.",
}


@dataclass(frozen=True)
class Explanation:
    """Evidence for a class, pixel by pixel; what argues against it counts as none."""

    map: Tensor              # (B, H, W) float32 >= 0 on the CPU, of the whole frame; 0 where the network does not look
    method: str
    target: int              # place of the class among the network's classes
    channel: str | None      # of `model.channel_names`; None: all of them together, but no numbers told beside them


def explain(model: nn.Module, given: Tensor, target: int, method: str, channel: str | None = None, *,
            frame: tuple[int, int] | None = None) -> Explanation:
    """A map for each of the images given (B, K, h, w), which are what `model(given)` takes.

    frame  (H, W) of the whole image, where `given` is its middle part alone; the map is of that frame then

    Other threads may use the model meanwhile, for predictions or explanations.
    """
    if method not in METHODS:
        raise ValueError(f"No method {method!r} of explanation; choose from {', '.join(METHODS)}.")
    if channel is not None and channel not in model.channel_names:
        raise ValueError(f"This network has no channel {channel!r}; choose from {', '.join(model.channel_names)}.")
    assert given.ndim == 4, given.shape
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(given.device.type, enabled=False):
        # copies: of the network as told above, and of what is given, since a tensor of inference mode has no gradient
        net, given = deepcopy(model).eval().requires_grad_(False), given.detach().clone()
        seen, empty = net.see(given).detach(), net.see(torch.zeros_like(given[:1])).detach()
        n_classes = answer(net, seen[:1]).shape[1]
        if not 0 <= target < n_classes:
            raise ValueError(f"No class number {target!r}; this network has {n_classes}, numbered from 0.")
        which = slice(0, len(model.channel_names))
        if channel is not None:
            which = slice(model.channel_names.index(channel), model.channel_names.index(channel) + 1)
        signed = SIGNED[method](net, seen, empty.expand_as(seen), int(target), which)
    found = in_frame(signed.detach().clamp_min(0).float().cpu(), given.shape[-2:])
    return Explanation(in_frame(found, frame or given.shape[-2:]), method, int(target), channel)


def answer(net: nn.Module, seen: Tensor) -> Tensor:
    """Logits (B, C) of what a network sees (B, C_in, h, w)."""
    return net.head(net.embed(seen))


def grad_cam(net: nn.Module, seen: Tensor, empty: Tensor, target: int, channels: slice) -> Tensor:
    """(B, h, w): sum over k of the mean gradient of the logit times map k of `net.evidence`, its negative part cut.

    Selvaraju et al. 2017 (1610.02391, eqs. 1 and 2), bilinear from the cells of the map to pixels. The last
    convolution has mixed the channels, so that Grad-CAM of one of them is that of an image whose other channels are
    those of an empty frame: evidence that this channel gives by itself, without its interplay with the others.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    if channels.start or channels.stop < len(net.channel_names):
        alone = empty.clone()
        alone[:, channels] = seen[:, channels]
        seen = alone
    cam = LayerGradCam(lambda shown: answer(net, shown), net.evidence)
    found = cam.attribute(seen.clone().requires_grad_(), target=target, relu_attributions=True)
    return LayerAttribution.interpolate(found, seen.shape[-2:], interpolate_mode="bilinear")[:, 0]


def integrated_gradients(net: nn.Module, seen: Tensor, empty: Tensor, target: int, channels: slice) -> Tensor:
    """(B, h, w), signed; over all channels it sums to the logit of the image less that of the empty frame.

    Sundararajan et al. 2017 (1703.01365, eq. 1). The path moves all channels together, also where one is asked for.
    """
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(lambda shown: answer(net, shown)).attribute(
        seen, empty, target=target, n_steps=STEPS, internal_batch_size=max(AT_ONCE, len(seen)))
    return found[:, channels].sum(1)


def occlusion(net: nn.Module, seen: Tensor, empty: Tensor, target: int, channels: slice) -> Tensor:
    """(B, h, w), signed: fall of the logit with a patch hidden, averaged over the patches that hold a pixel.

    Zeiler & Fergus 2014 (1311.2901, section 4.2). Only the channel asked for is hidden, or all at once.
    """
    from captum.attr import Occlusion

    first, last = channels.start, channels.stop
    side = max(2, min(seen.shape[-2:]) // (PATCHES // 2))
    stride = side // 2

    def with_the_rest(shown: Tensor, whole: Tensor) -> Tensor:
        return answer(net, torch.cat([whole[:, :first], shown, whole[:, last:]], dim=1))
    found = Occlusion(with_the_rest).attribute(
        seen[:, first:last], (last - first, side, side), strides=(last - first, stride, stride),
        baselines=empty[:, first:last], target=target, additional_forward_args=(seen,),
        perturbations_per_eval=max(1, AT_ONCE // len(seen)))
    return found[:, 0]     # a patch hides the same pixels of all its channels, and each holds the same number


def in_frame(seen: Tensor, frame: tuple[int, int]) -> Tensor:
    """A map (B, h, w) of the central crop that a network sees, back in its frame: (B, H, W), 0 around it."""
    (top, left), (height, width) = window(seen.shape[-2:], frame), seen.shape[-2:]
    return F.pad(seen, (left, frame[1] - width - left, top, frame[0] - height - top))


def window(seen: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """First row and column of the frame (H, W) that a central crop (h, w) holds; of an odd rest the smaller half."""
    assert all(inner <= outer for inner, outer in zip(seen, frame, strict=True)), (seen, frame)
    return (frame[0] - seen[0]) // 2, (frame[1] - seen[1]) // 2


SIGNED = {"grad_cam": grad_cam, "integrated_gradients": integrated_gradients, "occlusion": occlusion}
