namespace Backprop;

/// <summary>What may be different where a training goes on from a checkpoint; all else must be the same.</summary>
[Flags]
public enum ResumeChanges
{
    /// <summary>Nothing: the training goes on bit for bit as if it had never stopped.</summary>
    None = 0,

    /// <summary>The size of batches, whether a smaller last one is dropped, how many make a step, and as how many shards each is taken. In the middle of an epoch, that epoch begins again, in the next order.</summary>
    BatchSize = 1 << 0,

    /// <summary>The training samples: more, fewer or other ones, from elsewhere, or drawn otherwise. In the middle of an epoch, that epoch begins again, in the next order.</summary>
    Samples = 1 << 1,

    /// <summary>The validation samples and the metrics, which may also come or go. Past epochs keep what they have, and the best epoch is looked for from here on.</summary>
    Validation = 1 << 2,

    /// <summary>
    /// The schedulers, which may also come or go. One that is another starts as it was made here, and with it the learning rates and all else that
    /// schedulers move; one that is the same goes on.
    /// </summary>
    Schedulers = 1 << 3,

    /// <summary>When to stop early, which may also come or go. The best epoch so far stays the best where the checkpoint knows it and its weights.</summary>
    EarlyStopping = 1 << 4,

    /// <summary>The optimizer's hyperparameters and the norm that gradients are clipped to: those that differ are taken as they are here, all others as they had become.</summary>
    Hyperparameters = 1 << 5,

    /// <summary>All of these.</summary>
    All = BatchSize | Samples | Validation | Schedulers | EarlyStopping | Hyperparameters,
}
