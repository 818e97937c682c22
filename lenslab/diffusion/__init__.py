"""Conditional diffusion on tensors: processes, a denoiser, samplers, guidance, a UNet. Knows no lens and no jet.

One variable of time serves every process: x = x0 + sigma eps, with data of about unit spread.
"""
