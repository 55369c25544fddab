in vec2 uv_in;

out vec3 rest;
out vec2 uv;

void main() {
    rest = point - eyes.xyz;
    uv = uv_in;
    gl_Position = light_matrix * vec4(posed(turn_here()), 1);
}
