"""Head pose estimation: yaw, pitch and roll of every face in a photo."""
