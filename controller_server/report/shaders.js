// GLSL ES 3.00. Light is worked out in linear colour; the floor blends into the page's own background.

const LIGHT = `
uniform highp sampler2DShadow shadowMap;
uniform mat4 lightMatrix;
uniform vec3 sun;
const vec2 DISC[12] = vec2[12](vec2(-.326,-.406), vec2(-.840,-.074), vec2(-.696,.457), vec2(-.203,.621), vec2(.962,-.195),
  vec2(.473,-.480), vec2(.519,.767), vec2(.185,-.893), vec2(.507,.064), vec2(.896,.412), vec2(-.322,-.933), vec2(-.792,-.598));
float lit(vec3 position, float spread) {
  vec3 p = (lightMatrix * vec4(position, 1.)).xyz * .5 + .5;
  if (any(lessThan(p, vec3(0.))) || any(greaterThan(p, vec3(1.)))) return 1.;
  float angle = 6.2832 * fract(52.9829 * fract(dot(gl_FragCoord.xy, vec2(.06711056, .00583715))));
  mat2 turn = mat2(cos(angle), sin(angle), -sin(angle), cos(angle));
  float sum = 0.;
  for (int k = 0; k < 12; k++) sum += texture(shadowMap, vec3(p.xy + turn * DISC[k] * spread, p.z - .0012));
  return sum / 12.;
}`;

const SOLID_VERTEX = `#version 300 es
layout(location=0) in vec3 normal;
layout(location=1) in vec3 corner;
layout(location=2) in vec4 place;
layout(location=3) in vec4 quat;
layout(location=4) in vec4 core;
layout(location=5) in vec4 colour;
uniform mat4 camera;
out vec3 worldPosition, worldNormal;
out vec4 tint;
vec3 turned(vec3 v) { vec3 t = 2. * cross(quat.yzw, v); return v + quat.x * t + cross(quat.yzw, t); }
void main() {
  worldNormal = turned(normal);
  worldPosition = place.xyz + turned(corner * core.xyz + normal * place.w);
  tint = vec4(colour.rgb, core.w);
  gl_Position = camera * vec4(worldPosition, 1.);
}`;

// A figure bent by dual quaternions (Kavan et al. 2008), which keep the volume of elbows and knees.
const SKIN_VERTEX = `#version 300 es
layout(location=0) in vec3 point;
layout(location=1) in vec3 normal;
layout(location=2) in uvec4 joints;
layout(location=3) in vec4 weights;
layout(location=4) in vec2 kind; // zone; 1 on the left hand, 2 on the right
uniform mat4 camera;
uniform vec4 bones[110];
uniform vec3 zones[9];
uniform vec3 gripColour;
uniform vec2 grips;
out vec3 worldPosition, worldNormal;
out vec4 tint;
vec3 turned(vec4 q, vec3 v) { vec3 t = 2. * cross(q.yzw, v); return v + q.x * t + cross(q.yzw, t); }
void main() {
  vec4 first = bones[2u * joints.x], real = vec4(0.), dual = vec4(0.);
  for (int k = 0; k < 4; k++) {
    vec4 q = bones[2u * joints[k]];
    float w = dot(q, first) < 0. ? -weights[k] : weights[k];
    real += w * q;
    dual += w * bones[2u * joints[k] + 1u];
  }
  float size = length(real);
  real /= size;
  dual /= size;
  vec3 moved = 2. * (real.x * dual.yzw - dual.x * real.yzw + cross(real.yzw, dual.yzw));
  worldPosition = turned(real, point) + moved;
  worldNormal = turned(real, normal);
  float grip = kind.y < .5 ? 0. : kind.y < 1.5 ? grips.x : grips.y;
  vec3 colour = zones[int(kind.x)];
  tint = grip > .05 ? vec4(mix(colour, gripColour, .35 + .65 * grip), .35 * grip) : vec4(colour, 0.);
  gl_Position = camera * vec4(worldPosition, 1.);
}`;

const SOLID_FRAGMENT = `#version 300 es
precision highp float;
in vec3 worldPosition, worldNormal;
in vec4 tint;
uniform vec3 eye;
uniform float opacity, night;
out vec4 result;
${LIGHT}
void main() {
  vec3 n = normalize(worldNormal), v = normalize(eye - worldPosition);
  float wrap = clamp((dot(n, sun) + .12) / 1.12, 0., 1.);
  float direct = wrap * lit(worldPosition + .012 * n, .0012);
  float sky = .5 + .5 * n.z;
  float near = smoothstep(0., .35, worldPosition.z);
  vec3 ambient = mix(vec3(.30, .29, .30), vec3(.58, .60, .64), sky) * mix(.62, 1., max(near, sky * .8));
  vec3 light = ambient * mix(1., .82, night) + vec3(.98, .95, .90) * direct;
  vec3 h = normalize(sun + v);
  float gloss = .10 * pow(max(dot(n, h), 0.), 28.) * direct;
  float rim = pow(1. - max(dot(n, v), 0.), 3.5) * mix(.07, .16, night) * (.4 + .6 * sky);
  vec3 c = tint.rgb * light + gloss + rim + tint.rgb * tint.a;
  result = vec4(pow(clamp(c, 0., 1.), vec3(1. / 2.2)), opacity);
}`;

const SHADOW_FRAGMENT = `#version 300 es
precision highp float;
void main() {}`;

const FLOOR_VERTEX = `#version 300 es
layout(location=0) in vec2 corner;
uniform mat4 camera;
uniform vec3 middle;
out vec3 worldPosition;
void main() {
  worldPosition = vec3(corner * 24. + middle.xy, 0.);
  gl_Position = camera * vec4(worldPosition, 1.);
}`;

const FLOOR_FRAGMENT = `#version 300 es
precision highp float;
in vec3 worldPosition;
uniform vec3 middle, background, ground, line;
uniform vec4 blobs[14];
uniform float reach, dusk;
out vec4 result;
${LIGHT}
float grid(vec2 p, float width) {
  vec2 d = abs(fract(p - .5) - .5) / max(fwidth(p), vec2(1e-5));
  return 1. - smoothstep(width - .6, width + .6, min(d.x, d.y));
}
void main() {
  float far = length(worldPosition.xy - middle.xy) / reach;
  float fade = 1. - smoothstep(.35, 1., far);
  vec3 c = mix(background, ground, fade);
  float coarse = grid(worldPosition.xy, .9), fine = grid(worldPosition.xy * 2., .55);
  c = mix(c, line, fade * max(coarse * .85, fine * .3));
  float shade = (1. - lit(worldPosition, .0032)) * .55;
  float close = 0.;
  for (int k = 0; k < 14; k++) {
    vec2 d = worldPosition.xy - blobs[k].xy;
    float size = blobs[k].w + max(blobs[k].z, 0.) * .8;
    close += exp(-dot(d, d) / (size * size)) * .34 / (1. + 5. * max(blobs[k].z, 0.));
  }
  shade = 1. - (1. - shade) * (1. - min(close, .5));
  result = vec4(c * (1. - dusk * shade * fade), 1.);
}`;

const ARROW_VERTEX = `#version 300 es
layout(location=0) in vec4 ring;   // x, y of the ring; radius factor; 0 tail, 1 neck, 2 tip
layout(location=1) in vec3 normal;
layout(location=2) in vec4 origin; // w: length
layout(location=3) in vec4 direction; // w: radius
layout(location=4) in vec3 colour;
uniform mat4 camera;
out vec3 worldNormal;
out vec3 tint;
void main() {
  vec3 z = direction.xyz;
  vec3 x = normalize(cross(abs(z.z) < .9 ? vec3(0., 0., 1.) : vec3(1., 0., 0.), z));
  vec3 y = cross(z, x);
  float head = min(.45 * origin.w, 4.6 * direction.w);
  float along = ring.w < .5 ? 0. : ring.w < 1.5 ? origin.w - head : origin.w;
  worldNormal = normal.x * x + normal.y * y + normal.z * z;
  tint = colour;
  vec3 p = origin.xyz + (ring.x * x + ring.y * y) * ring.z * direction.w + along * z;
  gl_Position = camera * vec4(p, 1.);
}`;

const ARROW_FRAGMENT = `#version 300 es
precision highp float;
in vec3 worldNormal;
in vec3 tint;
uniform vec3 sun;
uniform float opacity;
out vec4 result;
void main() {
  float light = .72 + .38 * max(dot(normalize(worldNormal), sun), 0.);
  result = vec4(pow(clamp(tint * light, 0., 1.), vec3(1. / 2.2)), opacity);
}`;
