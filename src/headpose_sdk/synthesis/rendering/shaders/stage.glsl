// What one picture's programs share, filled in one write; the renderer packs it in this order.
// Camera axes: x right, y up, z to the viewer, decimetres. Colours are linear RGB.
layout(std140) uniform Stage {
    mat4 projection;
    mat4 light_matrix;
    mat4 to_panorama;   // camera axes -> the panorama's
    vec4 torso_turn;    // quaternions x, y, z, w of one half sphere
    vec4 head_turn;
    vec4 pivot;         // what the head turns about; w: angle between the two quaternions, radians
    vec4 shift;         // moves the turned head before the camera; w: exposure
    vec4 eyes;          // the middle between the eyes of the unposed head; w: factor of the panorama's light
    vec4 ambient[9];    // of 1, y, z, x, xy, yz, 3zz-1, xz, xx-yy
    vec4 key;           // towards the light; w: radius of the shadow's edge in parts of the map, negative: no shadows
    vec4 key_colour;
    vec4 fill;
    vec4 fill_colour;
};

float noise(vec2 q) { return fract(sin(dot(q, vec2(127.1, 311.7))) * 43758.5453); }
