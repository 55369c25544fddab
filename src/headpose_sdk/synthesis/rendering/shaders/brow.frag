// Eyebrows and lashes.
uniform sampler2D image;
uniform vec3 hair_colour = vec3(.1);

void main() {
    if (texture(image, uv).a < .1 + .5 * noise(gl_FragCoord.xy * .731)) discard;
    vec3 n = facing_us(), v = normalize(-position);
    pixel = vec4(developed(lit_surface(hair_colour * .6, n, v, specular, roughness, vec3(.12, .08, .07))), 1);
}
