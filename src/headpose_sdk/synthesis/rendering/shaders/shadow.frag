in vec3 rest;
in vec2 uv;

uniform sampler2D image;
uniform float strands = 0.;     // 1: hair, whose gaps let the light through

void main() {
    if (is_cut(rest)) discard;
    if (strands > .5 && texture(image, uv).a < .4) discard;
}
