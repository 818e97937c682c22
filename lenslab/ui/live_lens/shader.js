// The picture by the graphics processor (WebGL2): rays in 32-bit floats, then the camera's blur, then colour.
const MOST_COLOURS = 16
const horner = (u, c) => c.slice(0, -1).reduceRight((sum, each) => `(${sum} * ${u} + ${each.toExponential(9)})`,
                                                    c[c.length - 1].toExponential(9))

const CORNERS = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }`

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
`

// Written out for so many point masses, profiles and terms: a loop over uniforms takes several times as long.
const written = (count, line) => Array.from({ length: count }, (_, k) => line(k)).join("\n  ")
const trace = ({ points, terms, lights, lensLights, isothermal }) => `${HEAD}
uniform vec2 centre, ellipticity, shear;
uniform vec3 sheet;
uniform float theta_E, t, spacing, middle, coefficients[${terms}];
uniform int halos, bentSide;
uniform vec3 point[${Math.max(points, 1)}], bentPlace;
uniform vec4 light[${Math.max(2 * lights, 1)}];
uniform sampler2D haloes, bent, picture;
uniform vec4 pictureTurn;
uniform vec3 pictureScale;
uniform ivec2 pictureSide;
out vec4 shade;

vec2 powerLaw(vec2 d) {
  vec2 e = ellipticity, z = vec2((1.0 - e.x) * d.x - e.y * d.y, (1.0 + e.x) * d.y - e.y * d.x);
  float square = dot(z, z);
  if (square < 1e-18) return vec2(0.0);
  float per = inversesqrt(square), minus = 1.0 - dot(e, e);
  float size = minus * per * length(d), scale = minus * per * per;
  float real = scale * dot(d, z), imaginary = scale * (d.x * z.y - d.y * z.x);
  float sigma = sqrt(0.5 * (size + real)), divisor = 1.0 / (sigma * (1.0 + 2.0 * sigma + size));
  vec2 zeta = vec2((1.0 - size) * sigma, -imaginary) * divisor;
  float twice = 2.0 * zeta.x, norm = dot(zeta, zeta);
  float before = coefficients[${terms - 1}], last = coefficients[${terms - 2}] + twice * before, next;
  ${written(terms - 3, (k) => `next = coefficients[${terms - 3 - k}] - norm * before + twice * last;
  before = last; last = next;`)}
  vec2 F = vec2(coefficients[0] + zeta.x * last - norm * before, zeta.y * last);
  float strength = theta_E * sqrt(minus) * per;
  return ${isothermal ? "strength" : "pow(strength, t)"} * vec2(z.x * F.x - z.y * F.y, z.x * F.y + z.y * F.x);
}

vec2 halo(int k, vec2 d) {
  vec4 a = texelFetch(haloes, ivec2(3 * k, 0), 0), b = texelFetch(haloes, ivec2(3 * k + 1, 0), 0);
  float circle = texelFetch(haloes, ivec2(3 * k + 2, 0), 0).x;
  vec2 u = (d - a.xy) * a.z;
  float tau = a.w, x2 = max(dot(u, u), ${PHYSICS.floor.toExponential()});
  float logarithm = ${Math.LN2} - 0.5 * log(x2), F, tilde;
  if (x2 < ${PHYSICS.near}) {
    tilde = logarithm * ${horner("x2", PHYSICS.near_a)} + ${horner("x2", PHYSICS.near_b)};
    F = logarithm + x2 * tilde;
  } else {
    float p = inversesqrt(x2), y = sqrt(1.0 + p), s = y * ${PHYSICS.scale} - ${PHYSICS.shift};
    F = p / y * ${horner("s", PHYSICS.far)};
    tilde = (F - logarithm) * p * p;
  }
  float per = 1.0 / (tau * (tau + sqrt(b.x + x2))), g = 0.5 * x2 * per;
  float ratio = g < 0.5 ? ${horner("g", PHYSICS.log1p)} : log(1.0 + g) / g;
  return (b.z * (tilde + per * (-logarithm - b.y - g * ratio - 0.5 * ratio)) + b.w * F - circle * per) * u;
}

vec4 catmullRom(float t) {
  return 0.5 * vec4(((2.0 - t) * t - 1.0) * t, (3.0 * t - 5.0) * t * t + 2.0, ((4.0 - 3.0 * t) * t + 1.0) * t,
                    (t - 1.0) * t * t);
}

vec2 bending(vec2 d) {
  vec2 place = (d - bentPlace.xy) / bentPlace.z + 0.5 * float(bentSide) - 0.5;
  ivec2 node = ivec2(floor(place));
  vec4 across = catmullRom(place.x - floor(place.x)), up = catmullRom(place.y - floor(place.y));
  vec2 sum = vec2(0.0);
  for (int b = 0; b < 4; b++) {
    for (int a = 0; a < 4; a++) {
      ivec2 at = clamp(node + ivec2(a, b) - 1, 0, bentSide - 1);
      sum += across[a] * up[b] * texelFetch(bent, at, 0).xy;
    }
  }
  return sum;
}

vec2 deflection(vec2 theta) {
  vec2 d = theta - centre;
  vec2 alpha = powerLaw(d) + vec2(shear.x * theta.x + shear.y * theta.y, shear.y * theta.x - shear.x * theta.y);
  vec2 u;
  ${written(points, (k) => `u = d - point[${k}].xy; alpha += point[${k}].z / max(dot(u, u), 1e-12) * u;`)}
  for (int k = 0; k < halos; k++) alpha += halo(k, d);
  float square = max(dot(d, d), 1e-18);
  alpha += sheet.x * (min(square, sheet.z * sheet.z) - min(square, sheet.y * sheet.y)) / square * d;
  return bentSide > 0 ? alpha + bending(d) : alpha;
}

float sersic(vec4 place, vec4 shape, vec2 at) {
  vec2 d = at - place.xy, e = place.zw;
  vec2 z = vec2((1.0 - e.x) * d.x - e.y * d.y, (1.0 + e.x) * d.y - e.y * d.x);
  float ratio = max(dot(z, z) * shape.y / (1.0 - dot(e, e)), 1e-8 * shape.y);
  return shape.x * exp(shape.z - shape.z * exp(log(ratio) * shape.w));
}

float pictured(ivec2 at) {
  bool within = all(greaterThanEqual(at, ivec2(0))) && all(lessThan(at, pictureSide));
  return within ? texelFetch(picture, at, 0).x : 0.0;
}

float pictureLight(vec2 at) {
  vec2 d = at - pictureTurn.xy;
  vec2 place = vec2(pictureTurn.z * d.x + pictureTurn.w * d.y, pictureTurn.z * d.y - pictureTurn.w * d.x)
             / pictureScale.x + 0.5 * vec2(pictureSide - 1);
  if (any(lessThan(place, vec2(-1.0))) || any(greaterThan(place, vec2(pictureSide)))) return 0.0;
  ivec2 low = ivec2(floor(place));
  vec2 u = place - vec2(low);
  return pictureScale.y * mix(mix(pictured(low), pictured(low + ivec2(1, 0)), u.x),
                              mix(pictured(low + ivec2(0, 1)), pictured(low + ivec2(1, 1)), u.x), u.y);
}

void main() {
  vec2 theta = (gl_FragCoord.xy - middle) * spacing, beta = theta - deflection(theta);
  float sum = pictureSide.x > 0 ? pictureLight(beta) : 0.0;
  ${written(lights, (k) => `sum += sersic(light[${2 * k}], light[${2 * k + 1}], ${k < lights - lensLights ? "beta" : "theta"});`)}
  shade = vec4(sum, 0.0, 0.0, 1.0);
}`

const blurring = (taps, across) => `${HEAD}
uniform sampler2D rays;
uniform float weights[${taps}];
uniform int first, bins, edge;
out vec4 shade;
void main() {
  ivec2 pixel = ivec2(gl_FragCoord.xy);
  int from = pixel.${across ? "x" : "y"} * bins - first;
  float sum = 0.0;
  ${written(taps, (k) => `sum += weights[${k}] * texelFetch(rays, ${
    across ? `ivec2(clamp(from + ${k}, 0, edge), pixel.y)` : `ivec2(pixel.x, clamp(from + ${k}, 0, edge))`}, 0).x;`)}
  shade = vec4(sum, 0.0, 0.0, 1.0);
}`

const SHOW = `${HEAD}
uniform sampler2D image;
uniform vec3 stretch, colour[${MOST_COLOURS}];
uniform int colours;
out vec4 shade;
void main() {
  float light = asinh(texelFetch(image, ivec2(gl_FragCoord.xy), 0).x / stretch.x);
  float place = clamp((light - stretch.y) / (stretch.z - stretch.y), 0.0, 1.0) * float(colours - 1);
  int k = min(int(place), colours - 2);
  shade = vec4(mix(colour[k], colour[k + 1], place - float(k)), 1.0);
}`

class ShaderPicture {
  sizes = [512, 256, 128]

  // Throws where the browser has no WebGL2 or cannot draw into floats.
  constructor(canvas) {
    this.canvas = canvas
    const gl = this.gl = canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true })
    if (!gl?.getExtension("EXT_color_buffer_float")) throw new Error("no float framebuffer")
    gl.bindVertexArray(gl.createVertexArray())
    this.programs = new Map()
    this.textures = Object.fromEntries(["haloes", "bent", "picture"].map((name) => [name, this.texture()]))
    this.targets = [0, 1, 2].map(() => ({ texture: this.texture(), frame: gl.createFramebuffer(), size: "" }))
  }

  program(source) {
    if (!this.programs.has(source)) this.programs.set(source, this.built(source))
    return this.programs.get(source)
  }

  built(source) {
    const { gl } = this, program = gl.createProgram()
    for (const [kind, text] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, source]]) {
      const shader = gl.createShader(kind)
      gl.shaderSource(shader, text)
      gl.compileShader(shader)
      gl.attachShader(program, shader)
    }
    gl.linkProgram(program)
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(gl.getAttachedShaders(program).map((shader) => gl.getShaderInfoLog(shader)).join("\n"))
    }
    const places = {}
    for (let k = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) - 1; k >= 0; k--) {
      const { name } = gl.getActiveUniform(program, k)
      places[name.replace("[0]", "")] = gl.getUniformLocation(program, name)
    }
    return { program, places }
  }

  texture() {
    const { gl } = this, texture = gl.createTexture()
    gl.bindTexture(gl.TEXTURE_2D, texture)
    for (const [name, value] of [["MIN_FILTER", "NEAREST"], ["MAG_FILTER", "NEAREST"], ["WRAP_S", "CLAMP_TO_EDGE"],
                                 ["WRAP_T", "CLAMP_TO_EDGE"]]) {
      gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl[value])
    }
    return texture
  }

  // Numbers into a texture, unless it holds them already.
  fill(name, values, width, height, kind) {
    const { gl } = this, texture = this.textures[name]
    if (texture.values === values) return
    const [inner, format] = { R: [gl.R32F, gl.RED], RG: [gl.RG32F, gl.RG], RGBA: [gl.RGBA32F, gl.RGBA] }[kind]
    gl.bindTexture(gl.TEXTURE_2D, texture)
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, width, height, 0, format, gl.FLOAT, values)
    texture.values = values
  }

  // Run a program over width x height pixels of a target, or of the canvas where there is none.
  run({ program, places }, width, height, target, textures, uniforms) {
    const { gl } = this
    gl.useProgram(program)
    Object.entries(textures).forEach(([name, texture], unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit)
      gl.bindTexture(gl.TEXTURE_2D, texture)
      gl.uniform1i(places[name], unit)
    })
    gl.activeTexture(gl.TEXTURE0 + 7)   // textures are filled here, where no program looks
    for (const [name, [kind, ...values]] of Object.entries(uniforms)) {
      if (places[name] !== undefined) gl[`uniform${kind}`](places[name], ...values)
    }
    if (target && target.size !== `${width} ${height}`) {
      gl.bindTexture(gl.TEXTURE_2D, target.texture)
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, width, height, 0, gl.RED, gl.FLOAT, null)
      gl.bindFramebuffer(gl.FRAMEBUFFER, target.frame)
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, target.texture, 0)
      target.size = `${width} ${height}`
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, target?.frame ?? null)
    gl.viewport(0, 0, width, height)
    gl.drawArrays(gl.TRIANGLES, 0, 3)
  }

  draw(lens, lights, side, rays) {
    const { gl, textures, targets } = this, { camera } = lens.data, all = side * rays, [first, second, third] = targets
    const points = [...lens.points, ...lens.clumpPoints], halos = [...lens.halos, ...lens.clumpHalos]
    const shining = [...lights.source, ...lights.lens], { bent } = lens, { picture } = lights
    const table = new Float32Array(Math.max(1, halos.length) * CLUMP_FLOATS)
    halos.forEach((halo, k) => table.set(halo, k * CLUMP_FLOATS))
    this.fill("haloes", table, table.length / 4, 1, "RGBA")
    if (bent) this.fill("bent", bent.values, bent.side, bent.side, "RG")
    if (picture) this.fill("picture", picture.values, picture.columns, picture.rows, "R")
    const shape = { points: points.length, terms: lens.coefficients.length, lights: shining.length,
                    lensLights: lights.lens.length, isothermal: lens.t === 1 }
    this.run(this.program(trace(shape)), all, all, first, { haloes: textures.haloes, bent: textures.bent, picture: textures.picture }, {
      centre: ["2f", lens.x, lens.y], ellipticity: ["2f", lens.e1, lens.e2], shear: ["2f", lens.gamma1, lens.gamma2],
      sheet: ["3f", ...(lens.sheet ?? [0, 0, 1])], theta_E: ["1f", lens.theta_E], t: ["1f", lens.t],
      spacing: ["1f", camera.width / all], middle: ["1f", all / 2], coefficients: ["1fv", lens.coefficients],
      halos: ["1i", halos.length],
      point: ["3fv", points.length ? points.flat() : [0, 0, 0]],
      light: ["4fv", shining.length ? shining.flat() : [0, 0, 0, 0]], bentSide: ["1i", bent ? bent.side : 0],
      bentPlace: ["3f", ...(bent ? [...bent.origin, 2 * bent.half / bent.side] : [0, 0, 1])],
      pictureSide: ["2i", picture?.columns ?? 0, picture?.rows ?? 0],
      pictureTurn: ["4f", ...(picture ? [picture.x, picture.y, Math.cos(picture.phi), Math.sin(picture.phi)] : [0, 0, 1, 0])],
      pictureScale: ["3f", ...(picture ? [picture.width / picture.columns, picture.strength, 0] : [1, 0, 0])],
    })
    const blur = blurOf(camera, side, rays)
    const taps = blur.weights.length, shared = { weights: ["1fv", blur.weights], first: ["1i", blur.first],
                     bins: ["1i", rays], edge: ["1i", all - 1] }
    this.run(this.program(blurring(taps, true)), side, all, second, { rays: first.texture }, shared)
    this.run(this.program(blurring(taps, false)), side, side, third, { rays: second.texture }, shared)
    this.side = side
    gl.flush()
  }

  pixels() {
    const { gl, side } = this, values = new Float32Array(4 * side * side)
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.targets[2].frame)
    gl.readPixels(0, 0, side, side, gl.RGBA, gl.FLOAT, values)
    return values.filter((_, k) => k % 4 === 0)
  }

  show({ soft, low, high }, colours) {
    const { canvas, side } = this
    if (canvas.width !== side) canvas.width = canvas.height = side
    this.run(this.program(SHOW), side, side, null, { image: this.targets[2].texture }, {
      stretch: ["3f", soft, low, high], colour: ["3fv", colours.flat()], colours: ["1i", colours.length] })
  }
}

// By the graphics processor where that can be, else by plain arithmetic.
function brush(canvas) {
  try {
    return new ShaderPicture(canvas)
  } catch {
    const fresh = canvas.cloneNode()   // one that gave no other context yet
    canvas.replaceWith(fresh)
    return new PlainPicture(fresh)
  }
}
