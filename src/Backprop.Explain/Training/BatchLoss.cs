namespace Backprop.Explain;

/// <summary>The loss of each batch, from the running loss of its epoch.</summary>
internal sealed class BatchLoss<T>(Reduction reduction) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private double _before;

    /// <summary>The loss of the batch that is over; NaN where the one before was not seen.</summary>
    internal double Next(int batch, double running, bool follows)
    {
        var before = batch == 1 ? 0 : follows ? _before : double.NaN;
        _before = running;
        return reduction == Reduction.Mean ? running * batch - before * (batch - 1) : running - before;
    }
}
