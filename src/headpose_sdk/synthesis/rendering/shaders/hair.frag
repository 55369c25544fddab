// Hair: the texture gives strands and gaps, the colour is the head's own.
uniform sampler2D image;
uniform vec3 hair_colour = vec3(.1);
uniform float mean_luminance = .1;  // of the texture, linear

void main() {
    if (is_cut(rest)) discard;
    vec4 texel = texture(image, uv);
    // Strands are transparent by chance: no sorting, and smooth after the reduction.
    if (texel.a < .1 + .5 * noise(gl_FragCoord.xy * .731)) discard;
    float strand = dot(to_linear(texel.rgb), vec3(.2126, .7152, .0722)) / mean_luminance;
    vec3 albedo = hair_colour * (.4 + .6 * min(strand, 3.));
    vec3 n = facing_us(), v = normalize(-position);
    pixel = vec4(developed(lit_surface(albedo, n, v, specular * min(strand, 2.), roughness, vec3(.12, .08, .07))), 1);
}
