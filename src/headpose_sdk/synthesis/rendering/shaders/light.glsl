in vec3 position;
in vec3 normal;
in vec3 rest;
in vec2 uv;
in vec3 lit;
in vec3 around;                 // ambient light that gets here

out vec4 pixel;                 // sRGB and coverage, premultiplied

uniform sampler2DShadow shadow_map;
uniform sampler2D panorama;
uniform float specular = .2;    // strength of the highlights
uniform float roughness = 10.;  // Blinn exponent: higher is glossier

vec3 to_linear(vec3 colour) { return pow(colour, vec3(2.2)); }

vec3 facing_us() {
    vec3 n = normalize(normal);
    return gl_FrontFacing ? n : -n;
}

// Share of the key light that gets here. Four lookups, turned by chance from pixel to pixel: reduction smooths them.
float unshadowed(vec3 n) {
    float radius = max(key.w, 0.);
    float cosine = max(dot(n, key.xyz), .2);
    float slope = sqrt(max(1. - cosine * cosine, 0.)) / cosine;
    float z = lit.z - .0035 - slope * (.0012 + .35 * radius);
    float angle = 6.2832 * noise(gl_FragCoord.xy * .61);
    vec2 step = radius * vec2(cos(angle), sin(angle)), across = .5 * vec2(-step.y, step.x);
    float sum = texture(shadow_map, vec3(lit.xy + step, z)) + texture(shadow_map, vec3(lit.xy - step, z))
        + texture(shadow_map, vec3(lit.xy + across, z)) + texture(shadow_map, vec3(lit.xy - across, z));
    return key.w < 0. ? 1. : .25 * sum;
}

// Blinn's highlight of one light, that Fresnel's share strengthens where the surface grazes.
float highlight(vec3 light, vec3 n, vec3 v, float shine, float gloss, float fresnel) {
    float half_angle = max(dot(n, normalize(light + v)), 0.);
    return shine * max(dot(n, light), 0.) * (gloss + 2.) / 8. * pow(half_angle, gloss) * (fresnel + .02);
}

vec3 mirrored(vec3 n, vec3 v) {
    vec3 d = mat3(to_panorama) * reflect(-v, n);
    vec2 at = vec2(.5 + atan(d.x, d.z) / 6.2832, acos(clamp(d.y, -1., 1.)) / 3.1416);
    return to_linear(textureLod(panorama, at, 1.).rgb) * eyes.w;
}

float fresnel_share(vec3 n, vec3 v) { return .03 + .485 * pow(1. - max(dot(n, v), 0.), 5.); }

// Light bleeds past the edge of the shade by `wrap`, a colour: in skin red bleeds furthest.
vec3 lit_surface(vec3 albedo, vec3 n, vec3 v, float shine, float gloss, vec3 wrap) {
    float open = unshadowed(n), fresnel = fresnel_share(n, v);
    vec3 key_diffuse = max((vec3(dot(n, key.xyz)) + wrap) / (1. + wrap), vec3(0)) * open;
    vec3 fill_diffuse = max((vec3(dot(n, fill.xyz)) + wrap) / (1. + wrap), vec3(0));
    return albedo * (around + key_colour.rgb * key_diffuse + fill_colour.rgb * fill_diffuse)
        + key_colour.rgb * (open * highlight(key.xyz, n, v, shine, gloss, fresnel))
        + fill_colour.rgb * highlight(fill.xyz, n, v, shine, gloss, fresnel)
        + shine * around * fresnel * .25;
}

// Exposure, a soft shoulder for the bright end, and sRGB.
vec3 developed(vec3 light) {
    vec3 colour = light * shift.w;
    colour = colour * (1. + colour / 4.) / (1. + colour) * 1.25;
    return pow(clamp(colour, 0., 1.), vec3(1. / 2.2));
}
