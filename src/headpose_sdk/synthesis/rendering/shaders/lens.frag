// Lenses: they take light from what is behind them by their darkness, and add what they mirror.
uniform vec3 cloth = vec3(.02);     // the glass's colour
uniform float darkness = 0.;
uniform float reflection = 0.;

void main() {
    vec3 n = facing_us(), v = normalize(-position);
    float fresnel = fresnel_share(n, v), share = max(reflection, .6 * fresnel);
    float opaque = 1. - (1. - darkness) * (1. - share);
    vec3 glass = cloth * around * darkness * (1. - share) + mirrored(n, v) * share;
    vec3 glint = key_colour.rgb * highlight(key.xyz, n, v, 1., 220., fresnel);
    pixel = vec4(min(developed(glass / opaque) * opaque + developed(glint), vec3(1)), opaque);
}
