in vec3 facing;         // unit normal on the unposed head
in vec2 uv_in;
in float sky_in;        // share of the ambient light that gets there

out vec3 position;
out vec3 normal;
out vec3 rest;          // unposed, from the middle between the eyes: where collars, hat brims and masks are measured
out vec2 uv;
out vec3 lit;           // in the shadow map, 0 .. 1
out vec3 around;        // ambient light that gets here: the mesh is fine enough for it

vec3 ambient_light(vec3 n) {
    vec3 sum = ambient[0].rgb + ambient[1].rgb * n.y + ambient[2].rgb * n.z + ambient[3].rgb * n.x
        + ambient[4].rgb * (n.x * n.y) + ambient[5].rgb * (n.y * n.z) + ambient[6].rgb * (3. * n.z * n.z - 1.)
        + ambient[7].rgb * (n.x * n.z) + ambient[8].rgb * (n.x * n.x - n.y * n.y);
    return max(sum, vec3(.01));
}

void main() {
    vec4 turn = turn_here();
    position = posed(turn);
    normal = turned(turn, facing);
    rest = point - eyes.xyz;
    uv = uv_in;
    around = ambient_light(normal) * sky_in;
    lit = (light_matrix * vec4(position, 1)).xyz * .5 + .5;
    gl_Position = projection * vec4(position, 1);
}
