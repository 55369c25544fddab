// Knitted and woven things without a texture: beanies, hoods, scarves, masks, collars.
uniform vec3 cloth = vec3(.5);
uniform vec3 second_cloth = vec3(.5);
uniform float stripes = 0.;     // per decimetre

void main() {
    if (is_cut(rest)) discard;
    vec3 colour = mix(cloth, second_cloth, stripes > 0. ? step(.5, fract(rest.y * stripes)) : 0.);
    colour *= .94 + .12 * noise(floor(rest.xy * 40.));
    if (!gl_FrontFacing) colour *= .5;     // the lining, which little light reaches
    vec3 n = facing_us(), v = normalize(-position);
    pixel = vec4(developed(lit_surface(colour, n, v, specular, roughness, vec3(.12, .1, .1))), 1);
}
