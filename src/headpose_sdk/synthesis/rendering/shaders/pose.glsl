// Each vertex turns by its own share of the way from the torso's pose to the head's (slerp).
in vec3 point;          // on the unposed head
in float neck_weight;   // 0 torso .. 1 head

vec4 turn_here() {
    if (pivot.w < 1e-3) return head_turn;
    return (sin((1. - neck_weight) * pivot.w) * torso_turn + sin(neck_weight * pivot.w) * head_turn) / sin(pivot.w);
}

vec3 turned(vec4 turn, vec3 v) {
    vec3 t = 2. * cross(turn.xyz, v);
    return v + turn.w * t + cross(turn.xyz, t);
}

vec3 posed(vec4 turn) { return turned(turn, point - pivot.xyz) + shift.xyz; }
