namespace Backprop;

/// <summary>When a training calls back.</summary>
public enum TrainingMoment
{
    /// <summary>A batch is over, its step taken.</summary>
    BatchEnd,

    /// <summary>An epoch is over, its result known.</summary>
    EpochEnd,

    /// <summary>The training is over, the best weights restored where that was asked for.</summary>
    End,
}
