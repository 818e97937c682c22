"""Lenses in closed form, written for the tests alone, as pairs of callables (deflection, potential)."""

import torch


def point_mass(theta_E, center_x=0.0, center_y=0.0):
    def deflection(x, y):
        dx, dy = x - center_x, y - center_y
        r2 = dx**2 + dy**2
        return theta_E**2 * dx / r2, theta_E**2 * dy / r2

    def potential(x, y):
        return theta_E**2 * torch.log((x - center_x) ** 2 + (y - center_y) ** 2) / 2
    return deflection, potential


def sis(theta_E):
    def deflection(x, y):
        r = (x**2 + y**2).sqrt()
        return theta_E * x / r, theta_E * y / r

    def potential(x, y):
        return theta_E * (x**2 + y**2).sqrt()
    return deflection, potential


def soft_sphere(theta_E, core):
    """psi = theta_E sqrt(r^2 + core^2): alpha = theta_E r/sqrt(r^2 + core^2), with a true image at the centre."""
    def deflection(x, y):
        s = (x**2 + y**2 + core**2).sqrt()
        return theta_E * x / s, theta_E * y / s

    def potential(x, y):
        return theta_E * (x**2 + y**2 + core**2).sqrt()
    return deflection, potential


def soft_ellipse(strength, q, core):
    """psi = strength sqrt(core^2 + q^2 x^2 + y^2), an elliptical potential."""
    def root(x, y):
        return (core**2 + q**2 * x**2 + y**2).sqrt()

    def deflection(x, y):
        return strength * q**2 * x / root(x, y), strength * y / root(x, y)

    def potential(x, y):
        return strength * root(x, y)
    return deflection, potential


def together(*lenses):
    def deflection(x, y):
        parts = [lens[0](x, y) for lens in lenses]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    def potential(x, y):
        return sum(lens[1](x, y) for lens in lenses)
    return deflection, potential


def shear(gamma1, gamma2):
    def deflection(x, y):
        return gamma1 * x + gamma2 * y, gamma2 * x - gamma1 * y

    def potential(x, y):
        return (gamma1 * (x**2 - y**2) + 2 * gamma2 * x * y) / 2
    return deflection, potential
