// The lens as the live picture holds it: numbers of a scene, and the deflection in closed form (lenslab.physics).
// Lengths are arcsec. Positions dx, dy count from the centre of the lens, as all that belongs to it moves along with it.
// PHYSICS holds the series of lenslab.physics.halos; Python writes it in front of this file.
const FWHM_PER_SIGMA = 2 * Math.sqrt(2 * Math.log(2))
const CORE2 = 1e-18
const CLUMP_FLOATS = 12   // of a halo, in a texture of four numbers a texel
const RING_POINTS = 256   // on the circle through which a clump's mass is counted

const polynomial = (u, coefficients) => coefficients.reduceRight((sum, c) => sum * u + c, 0)

function floatsOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  return new Float32Array(bytes.buffer)
}

// Coefficients of the power law's series in zeta: deflectors._power_law_coefficients.
function powerLawCoefficients(t, q) {
  const sigma = Math.sqrt(1 - (1 - q) / (1 + q))
  const wanted = sigma < 1 ? Math.log(1.5e-8) / Math.log((1 - sigma) / (1 + sigma)) : 0
  const terms = Math.max(3, Math.ceil(wanted)), b = t / 2, c = [1, 4 * b / (2 - b)]
  for (let k = 2; k < terms; k++) {
    c.push(((k - 3 + b) * c[k - 2] + (6 * b - 2) * c[k - 1] + (k === 2 ? 1 - b : 0)) / (k + 1 - b))
  }
  return c
}

// A truncated halo as its sum wants it: clumps.tnfws_deflection and halos.tnfw_coefficients.
function haloOf(x, y, Rs, alpha_Rs, r_trunc) {
  const tau = r_trunc / Rs, tau2 = tau * tau
  const factor = PHYSICS.norm * alpha_Rs * tau2 / ((tau2 + 1) * (tau2 + 1))
  return [x, y, 1 / Rs, tau, tau2, Math.log(tau), factor * (tau2 - 1), 2 * factor, Math.PI * factor * tau]
}

function nfwFunction(x2) {   // halos.nfw_function: F, (F - ln(2/x))/x^2, ln(2/x)
  const logarithm = Math.LN2 - 0.5 * Math.log(x2)
  if (x2 < PHYSICS.near) {
    const near = logarithm * polynomial(x2, PHYSICS.near_a) + polynomial(x2, PHYSICS.near_b)
    return [logarithm + x2 * near, near, logarithm]
  }
  const p = 1 / Math.sqrt(x2), y = Math.sqrt(1 + p)
  const far = p / y * polynomial(y * PHYSICS.scale - PHYSICS.shift, PHYSICS.far)
  return [far, (far - logarithm) * p * p, logarithm]
}

// Each of these adds its pull at dx, dy to `out`.
function addHalo(out, halo, dx, dy) {
  const [x, y, inverse, tau, tau2, logTau, difference, double, circle] = halo
  const u = (dx - x) * inverse, v = (dy - y) * inverse, x2 = Math.max(u * u + v * v, PHYSICS.floor)
  const [F, tilde, logarithm] = nfwFunction(x2)
  const per = 1 / (tau * (tau + Math.sqrt(tau2 + x2))), excess = 0.5 * x2 * per
  const ratio = Math.log1p(excess) / excess
  const strength = difference * (tilde + per * (-logarithm - logTau - excess * ratio - 0.5 * ratio)) + double * F
    - circle * per
  out[0] += strength * u
  out[1] += strength * v
}

function addPoint(out, [x, y, mass], dx, dy) {
  const u = dx - x, v = dy - y, strength = mass / Math.max(u * u + v * v, 1e-12)
  out[0] += strength * u
  out[1] += strength * v
}

function addSheet(out, [kappa, inner, outer], dx, dy) {
  const square = Math.max(dx * dx + dy * dy, CORE2)
  const strength = kappa * (Math.min(square, outer * outer) - Math.min(square, inner * inner)) / square
  out[0] += strength * dx
  out[1] += strength * dy
}

// Catmull-Rom through the nodes of the texture: exact on them, and its slope has no jumps, as a caustic needs.
const catmullRom = (t) => [((2 - t) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2,
                           (t - 1) * t * t / 2]

function addBent(out, bent, dx, dy) {
  const { side, half, values, origin } = bent, step = 2 * half / side
  const column = (dx - origin[0] + half) / step - 0.5, row = (dy - origin[1] + half) / step - 0.5
  const i = Math.floor(column), j = Math.floor(row), across = catmullRom(column - i), up = catmullRom(row - j)
  const held = (k) => Math.min(Math.max(k, 0), side - 1)
  for (let b = 0; b < 4; b++) {
    for (let a = 0; a < 4; a++) {
      const at = 2 * (held(j + b - 1) * side + held(i + a - 1)), weight = across[a] * up[b]
      out[0] += weight * values[at]
      out[1] += weight * values[at + 1]
    }
  }
}

function addPowerLaw(out, lens, dx, dy) {   // deflectors.epl_deflection
  const { e1, e2, coefficients: c } = lens
  const zx = (1 - e1) * dx - e2 * dy, zy = (1 + e1) * dy - e2 * dx, square = zx * zx + zy * zy
  if (square < CORE2) return
  const per = 1 / Math.sqrt(square), minus = 1 - e1 * e1 - e2 * e2
  const size = minus * per * Math.sqrt(dx * dx + dy * dy), scale = minus * per * per
  const real = scale * (dx * zx + dy * zy), imaginary = scale * (dx * zy - dy * zx)
  const sigma = Math.sqrt(0.5 * (size + real)), divisor = 1 / (sigma * (1 + 2 * sigma + size))
  const zeta_x = (1 - size) * sigma * divisor, zeta_y = -imaginary * divisor
  const double = 2 * zeta_x, norm = zeta_x * zeta_x + zeta_y * zeta_y
  let before = c[c.length - 1], last = c[c.length - 2] + double * before
  for (let k = c.length - 3; k > 0; k--) [last, before] = [c[k] - norm * before + double * last, last]
  const F_x = c[0] + zeta_x * last - norm * before, F_y = zeta_y * last
  const strength = Math.pow(lens.theta_E * Math.sqrt(minus) * per, lens.t)
  out[0] += strength * (zx * F_x - zy * F_y)
  out[1] += strength * (zx * F_y + zy * F_x)
}

// What is drawn from a seed, and what Python worked out: it does not change while a visitor drags.
function darkDeflection(lens, dx, dy, out = [0, 0]) {
  for (const point of lens.points) addPoint(out, point, dx, dy)
  for (const halo of lens.halos) addHalo(out, halo, dx, dy)
  if (lens.sheet) addSheet(out, lens.sheet, dx, dy)
  if (lens.bent) addBent(out, lens.bent, dx, dy)
  return out
}

// All else: the smooth lens, its shear about the middle of the frame, and clumps placed by hand.
function movingDeflection(lens, dx, dy, out = [0, 0]) {
  const x = dx + lens.x, y = dy + lens.y
  addPowerLaw(out, lens, dx, dy)
  out[0] += lens.gamma1 * x + lens.gamma2 * y
  out[1] += lens.gamma2 * x - lens.gamma1 * y
  for (const point of lens.clumpPoints) addPoint(out, point, dx, dy)
  for (const halo of lens.clumpHalos) addHalo(out, halo, dx, dy)
  return out
}

const deflection = (lens, dx, dy) => darkDeflection(lens, dx, dy, movingDeflection(lens, dx, dy))

// Mass in the circle theta_E over pi theta_E^2 Sigma_cr: subhalo.circle_mass.
function circleMass(q, gamma) {
  let sum = 0
  for (let k = 0; k < 64; k++) {
    const angle = (k + 0.5) * Math.PI / 64
    sum += (q * Math.cos(angle) ** 2 + Math.sin(angle) ** 2 / q) ** ((1 - gamma) / 2)
  }
  return sum / 64
}

// Mass that clumps project into the circle, over pi Sigma_cr: the flux of their pull through it, by Gauss.
function massInside(radius, points, halos) {
  let flux = 0
  for (const [x, y, mass] of points) if (Math.hypot(x, y) < radius) flux += mass
  for (let k = 0; halos.length && k < RING_POINTS; k++) {
    const angle = 2 * Math.PI * (k + 0.5) / RING_POINTS, out = [0, 0]
    for (const halo of halos) addHalo(out, halo, radius * Math.cos(angle), radius * Math.sin(angle))
    flux += radius * (out[0] * Math.cos(angle) + out[1] * Math.sin(angle)) / RING_POINTS
  }
  return flux
}

// Clumps placed by hand, where `values` has them; the tides at their distance cut them off (subhalo.truncation_radius).
function clumpsOf(data, values) {
  const points = [], halos = []
  for (const [k, clump] of data.clumps.entries()) {
    const x = values[`substructure.clumps.${k}.center_x`] - values["lens.center_x"]
    const y = values[`substructure.clumps.${k}.center_y`] - values["lens.center_y"]
    if (clump.mass !== undefined) points.push([x, y, clump.mass])
    else halos.push(haloOf(x, y, clump.Rs, clump.alpha_Rs, clump.r_trunc * Math.cbrt(x * x + y * y + clump.depth ** 2)))
  }
  return { points, halos }
}

// What was read once from the numbers that Python sent.
function unpacked(data) {
  const bent = data.bent && { ...data.bent, values: floatsOf(data.bent.values) }
  const picture = data.picture && { ...data.picture, values: floatsOf(data.picture.values) }
  const { points, halos } = clumpsOf(data, data.values)
  const theta_E = data.values["lens.theta_E"], share = 1 - (data.theta_E / theta_E) ** (data.gamma - 1)
  const whole = theta_E ** 2 * circleMass(data.values["lens.q"], data.gamma)
  return { ...data, bent, picture, halos: data.halos.map((halo) => haloOf(...halo)),
           drawnInside: share * whole - (data.conserving ? massInside(theta_E, points, halos) : 0) }
}

// The lens of these values. The ring keeps its mass: what clumps hold in it is taken off the smooth part.
// Hidden, all dark matter on small scales is spread out smoothly.
function lensOf(data, values, hidden = false) {
  const q = values["lens.q"], phi = values["lens.phi"], t = data.gamma - 1, c = (1 - q) / (1 + q)
  const theta_E = values["lens.theta_E"], whole = theta_E ** 2 * circleMass(q, data.gamma)
  const clumps = hidden ? { points: [], halos: [] } : clumpsOf(data, values)
  const inside = hidden ? 0 : data.drawnInside + (data.conserving ? massInside(theta_E, clumps.points, clumps.halos) : 0)
  const { points, halos, sheet, bent } = hidden ? { points: [], halos: [] } : data
  return {
    x: values["lens.center_x"], y: values["lens.center_y"], t, coefficients: powerLawCoefficients(t, q),
    e1: c * Math.cos(2 * phi), e2: c * Math.sin(2 * phi), theta_E: theta_E * Math.max(1 - inside / whole, 0) ** (1 / t),
    ring: theta_E, gamma1: data.gamma1, gamma2: data.gamma2, points, halos, sheet, bent, hidden, data,
    clumpPoints: clumps.points, clumpHalos: clumps.halos,
  }
}
