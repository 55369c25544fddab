// The frame of glasses.
uniform vec3 cloth = vec3(.05);

void main() {
    vec3 n = facing_us(), v = normalize(-position);
    pixel = vec4(developed(lit_surface(cloth, n, v, specular, roughness, vec3(.05))), 1);
}
