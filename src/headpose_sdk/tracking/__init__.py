"""Head poses over time: who is who, steady angles, and faces followed between two looks of the detector."""

from headpose_sdk.tracking.tracker import HeadPoseTracker, PoseEstimator, TrackedPose

__all__ = ["HeadPoseTracker", "PoseEstimator", "TrackedPose"]
