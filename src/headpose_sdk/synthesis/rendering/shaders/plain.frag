// The texture as it is: eyes, teeth, tongue, hats.
uniform sampler2D image;
uniform float mirror = 0.;      // share of the surroundings that a wet surface reflects

void main() {
    vec4 texel = texture(image, uv);
    if (texel.a < .3) discard;
    vec3 n = facing_us(), v = normalize(-position);
    vec3 light = lit_surface(to_linear(texel.rgb), n, v, specular, roughness, vec3(.12, .08, .07));
    if (mirror > 0.) light += mirrored(n, v) * (mirror + .5 * fresnel_share(n, v) * step(.001, mirror));
    pixel = vec4(developed(light), 1);
}
