using System.Globalization;
using System.Numerics;

namespace Backprop;

/// <summary>What a callback is told: where the training is, and the trainer itself, to look at and to act on.</summary>
/// <remarks>
/// <para>Callbacks run on the thread of <see cref="Trainer{T}.Fit"/>, between two steps, and the training waits for them. A callback may look at all there is,
/// <see cref="Pass"/> included; save the model or a checkpoint; change learning rates and other hyperparameters; <see cref="Stop"/> the training; and throw,
/// which leaves the model as the last whole step left it, so that another <see cref="Trainer{T}.Fit"/> goes on from there. It may not start another
/// <see cref="Trainer{T}.Fit"/> or load a checkpoint: that is refused.</para>
/// <para>A checkpoint saved by a callback resumes bit for bit, at the end of a batch, of an epoch, and of the training.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly struct TrainingProgress<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    internal TrainingProgress(Trainer<T> trainer, TrainingMoment moment, int epochs, double loss, EpochResult? result) =>
        (Trainer, Moment, Epochs, Loss, Result, Epoch, Batch) = (trainer, moment, epochs, loss, result,
            moment == TrainingMoment.BatchEnd ? trainer.Epoch + 1 : trainer.Epoch, moment == TrainingMoment.EpochEnd ? trainer.LastBatches : trainer.Batch);

    /// <summary>The trainer.</summary>
    public Trainer<T> Trainer { get; }

    /// <summary>What has ended: a batch, an epoch or the training.</summary>
    public TrainingMoment Moment { get; }

    /// <summary>The epoch that the batch belongs to, or that has ended, from 1; at the end of the training, the epochs that are over.</summary>
    public int Epoch { get; }

    /// <summary>The epoch until which <see cref="Trainer{T}.Fit"/> was asked to train.</summary>
    public int Epochs { get; }

    /// <summary>Batches of this epoch that are over.</summary>
    public int Batch { get; }

    /// <summary>Batches in an epoch; null where that is not known before it is over.</summary>
    public int? Batches => Trainer.Training.Count;

    /// <summary>The loss over this epoch's batches so far, see <see cref="EpochResult"/>; NaN while no sample has counted.</summary>
    public double Loss { get; }

    /// <summary>What the epoch came to: at the end of an epoch, and at that of the training the last one's. Null at the end of a batch.</summary>
    public EpochResult? Result { get; }

    /// <summary>Why the training has ended; null before it has.</summary>
    public EndReason? EndReason => Moment == TrainingMoment.End ? Trainer.EndReason : null;

    /// <summary>What <see cref="History.Warnings"/> has that it had not before this epoch; null for nothing. So each warning is told once.</summary>
    public string? Warning => Moment == TrainingMoment.EpochEnd && Trainer.Warns(Result!) ? History.Warning(Result!) : null;

    /// <summary>The pass of the last step: every layer's output and gradient for the batch, until the next step overwrites them.</summary>
    public ForwardPass<T> Pass => Trainer.Pass;

    /// <summary>Ends the training after this callback.</summary>
    public void Stop() => Trainer.Stop();

    /// <summary>In a line: <c>epoch 2/6, batch 3/5, loss 0.53</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"epoch {Epoch}/{Epochs}, batch {Batch}{(Batches is int batches ? $"/{batches}" : "")}, loss {Loss:G6}");
}
