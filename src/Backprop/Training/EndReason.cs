namespace Backprop;

/// <summary>Why a training ended.</summary>
public enum EndReason
{
    /// <summary>All epochs that were asked for are over.</summary>
    Epochs,

    /// <summary><see cref="EarlyStopping"/> saw no better epoch for as long as it was told to wait.</summary>
    EarlyStopping,

    /// <summary>A callback called <see cref="Trainer{T}.Stop"/>.</summary>
    Stopped,
}
