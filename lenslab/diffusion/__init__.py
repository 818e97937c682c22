"""Conditional diffusion on tensors, and how its images are judged. Knows no lens and no jet.

process, denoise, sample, guidance, unet       how images are made
two_samples, neighbours, classifier_test, spectrum, pixels, recovery       how they are told from true ones

One variable of time serves every process: x = x0 + sigma eps, with data of about unit spread.
"""
