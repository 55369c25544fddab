// What is left out of a mesh, measured at rest: half spaces xyz . rest + w > 0, where an unused one is all zero, and
// the opening that a face looks out of: height, half axes along x and y, and z of its rear end.
uniform vec4 cuts[CUTS];
uniform vec4 opening = vec4(0);

bool is_cut(vec3 at) {
    bool cut = false;
    for (int i = 0; i < CUTS; i++) cut = cut || dot(cuts[i].xyz, at) + cuts[i].w > 0.;
    vec2 inside = vec2(at.x, at.y - opening.x) / max(opening.yz, vec2(1e-6));
    return cut || (at.z > opening.w && opening.y > 0. && dot(inside, inside) < 1.);
}
