// Skin with stubble, beard and make-up, and the shirt painted on it below the collar.
uniform sampler2D image;
uniform sampler2D second_image;
uniform sampler2D paint;            // where on the skin: lips, eye shadow, blush, and how near a beard's heart
uniform float second_share = 0.;    // of the second skin
uniform vec3 tint = vec3(1);
uniform vec3 hair_colour = vec3(0);
uniform float haired = 0.;          // 1: the scalp is as dark as its hair, where that leaves a gap
uniform float stubble = 0.;
uniform float beard = 0.;
uniform float lips = 0.;
uniform vec3 lip_colour = vec3(0);
uniform float eye_shadow = 0.;
uniform vec3 eye_shadow_colour = vec3(0);
uniform float blush = 0.;
uniform vec3 cloth = vec3(.5);
uniform vec3 second_cloth = vec3(.5);
uniform float stripes = 0.;         // per decimetre
uniform float collar = -9.;         // height of its plane in front, from the eyes

// All is mixed rather than branched to: without a graphics card both sides of a branch are worked out anyway.
void main() {
    vec3 bare = to_linear(mix(texture(image, uv).rgb, texture(second_image, uv).rgb, second_share));
    vec4 where = texture(paint, uv);
    vec3 albedo = bare * tint;
    albedo *= mix(vec3(1), vec3(1.12, .72, .74), where.b * blush);
    albedo = mix(albedo, eye_shadow_colour * (.4 + .6 * albedo.g), where.g * eye_shadow);
    float painted = where.r * lips;
    albedo = mix(albedo, lip_colour * (.5 + bare.g), painted);

    // Stubble: a point here and there. Beard: strands that hang down (along u), thinning out towards its edge.
    float point_here = noise(floor(uv * 700.)), strand = noise(floor(uv * vec2(260., 1100.)));
    float cover = min(smoothstep(.1, .55, where.a) * stubble * (.5 + .4 * point_here), .8);
    float bearded = smoothstep(0., .22, where.a - (1. - beard) * .8 + (strand - .5) * .25)
        * smoothstep(0., .1, where.a) * step(.001, beard);
    float scalp = haired * smoothstep(1.05, 1.25, rest.y - .9 * rest.z);
    albedo = mix(albedo, hair_colour, max(cover, scalp));
    albedo = mix(albedo, hair_colour * (.45 + 1.1 * strand), bearded);

    float clothed = step(rest.y, collar - .55 * rest.z + .05 * abs(rest.x));
    float striped = step(.001, stripes) * step(.5, fract(rest.y * stripes));
    albedo = mix(albedo, mix(cloth, second_cloth, striped), clothed);
    float shine = mix(specular * (1. + 1.5 * painted) * (1. - .8 * bearded), .05, clothed);
    vec3 wrap = mix(vec3(.3, .2, .175), vec3(.1), max(bearded, clothed));
    pixel = vec4(developed(lit_surface(albedo, facing_us(), normalize(-position), shine, mix(roughness, 4., clothed), wrap)), 1);
}
