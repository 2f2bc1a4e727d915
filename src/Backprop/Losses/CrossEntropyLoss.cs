using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// Softmax and the negative log-likelihood of the classes in one: with s = softmax(p), l = -w_y log s_y for a sample of class y.
/// </summary>
/// <remarks>
/// <para>Derivative: dl/dp_c = w_y (s_c - [c = y]). CHAIN-RULE.md, "CrossEntropyLoss".</para>
/// <para>The prediction holds logits: any real numbers, 1e6 too, of which the greatest is subtracted first. The target is one of two things: classes, as
/// integers or as a matrix of one column; or a matrix of the prediction's shape with the probability t_c of each class, and then
/// l = -sum of w_c t_c log s_c, and the mean is over the samples, whatever their weights.</para>
/// <para>One column is refused: the softmax of a single logit is 1 and the loss 0, whatever the logit. Of two classes told by one column,
/// <see cref="BCEWithLogitsLoss{T}"/> is the loss. (PyTorch takes it, and learns nothing.)</para>
/// <para>Label smoothing e takes the part e of a sample's probability and gives each of the C classes e/C: with it, t_c = (1 - e) [c = y] + e/C. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html">torch.nn.CrossEntropyLoss</see>.</para>
/// </remarks>
/// <example><code>
/// var loss = new CrossEntropyLoss&lt;double&gt;();
/// double value = loss.Forward(logits, [0, 2, 1]);      // three samples, of the classes 0, 2 and 1
/// model.Backward(pass, loss.Backward(logits, [0, 2, 1]));
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class CrossEntropyLoss<T> : ClassificationLoss<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private const int Block = 64; // rows done at once, so that what they keep fits on the stack

    /// <summary>Makes the loss.</summary>
    /// <param name="weight">The weight of each class, finite and at least 0; null when they weigh the same. Copied.</param>
    /// <param name="ignoreIndex">The class of samples that count nowhere.</param>
    /// <param name="reduction">Mean, over the weights of the samples' classes, or sum.</param>
    /// <param name="labelSmoothing">How much of a sample's probability is given to all classes alike; from 0 to 1.</param>
    /// <exception cref="ArgumentException">There is no weight, or one is negative, infinite or NaN.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The label smoothing is not from 0 to 1.</exception>
    public CrossEntropyLoss(Vector<T>? weight = null, int ignoreIndex = -100, Reduction reduction = Reduction.Mean, double labelSmoothing = 0)
        : base(weight, ignoreIndex, reduction) => LabelSmoothing = Expect.Fraction("CrossEntropyLoss", labelSmoothing);

    /// <summary>How much of a sample's probability is given to all classes alike.</summary>
    public double LabelSmoothing { get; }

    /// <inheritdoc/>
    public override string Formula => $"L = sum -sum_c q_c log s_c{Divided}, s = softmax(p), q_c = {Q}";

    /// <inheritdoc/>
    public override string Derivative => $"dL/dp_c = (s_c sum_k q_k - q_c){Divided}";

    private string Divided => Reduction == Reduction.Mean ? " / sum w_y" : "";

    private string Q => LabelSmoothing == 0 ? "w_c [c = y]" : "w_c ((1 - e) [c = y] + e/C)";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("CrossEntropyLoss",
        SumText, Entries.Text("weight", Weight), IgnoreIndex == -100 ? "" : $"ignoreIndex: {Signature.Number(IgnoreIndex)}", LabelSmoothing == 0 ? "" : $"labelSmoothing: {Signature.Number(LabelSmoothing)}");

    /// <summary>Both dense; the target holds a class for each sample, or a probability for each entry of the prediction.</summary>
    /// <inheritdoc/>
    protected override void Check(Matrix<T> prediction, Matrix<T> target)
    {
        CheckPrediction(prediction);
        Operand.Dense(this, target, nameof(target));
        if (target.RowCount != prediction.RowCount || (target.ColumnCount != prediction.ColumnCount && target.ColumnCount != 1))
            throw new ArgumentException(
                $"{this} expects a target of {prediction.RowCount}x1, classes, or {Operand.Shape(prediction)}, probabilities, for a {Operand.Shape(prediction)} prediction, but it is {Operand.Shape(target)}.", nameof(target));
        if (target.ColumnCount != prediction.ColumnCount) base.Check(prediction, target);
        else if (IgnoreIndex >= 0) throw new ArgumentException($"{this} expects classes, since it ignores one, but target has {Operand.Shape(target)} probabilities.", nameof(target));
        else Entries.Probabilities(this, target, nameof(target));
    }

    /// <summary>Dense, of at least two columns, one for each class's weight.</summary>
    /// <inheritdoc/>
    protected override void CheckPrediction(Matrix<T> prediction)
    {
        base.CheckPrediction(prediction);
        if (prediction.ColumnCount < 2)
            throw new ArgumentException(
                $"{this} expects a column for each of at least 2 classes, but prediction is {Operand.Shape(prediction)}: the softmax of one column is 1, and there is nothing to learn. For two classes told by one column, use BCEWithLogitsLoss.",
                nameof(prediction));
    }

    /// <inheritdoc/>
    protected override ClassTargets<T> TargetsOf(Matrix<T> prediction, Matrix<T> target) =>
        new(target.Span(), probabilities: target.ColumnCount == prediction.ColumnCount);

    /// <inheritdoc/>
    // l = -sum q_c log s_c
    // log s_c = p_c - max - log sum e^(p_k - max)      q_c = w_c ((1 - e) t_c + e/C), and t_c = [c = y] for a class y
    protected override void Losses(Matrix<T> prediction, ClassTargets<T> targets, int first, Span<T> losses)
    {
        Span<T> max = stackalloc T[Block], logSum = stackalloc T[Block];
        for (; losses.Length > 0; first += Block)
        {
            var rows = int.Min(Block, losses.Length);
            CrossEntropy.LogSumExp(prediction.Span()[first..], prediction.RowCount, prediction.ColumnCount, max[..rows], logSum[..rows]);
            Losses(prediction, targets, first, max[..rows], logSum[..rows], losses[..rows]);
            losses = losses[rows..];
        }
    }

    /// <inheritdoc/>
    // dp_c = dl (s_c sum q_k - q_c)
    protected override void Gradient(Matrix<T> prediction, ClassTargets<T> targets, ReadOnlySpan<T> dLosses, T dL, Matrix<T> dPrediction)
    {
        Span<T> dl = stackalloc T[Block];
        for (var first = 0; first < prediction.RowCount; first += Block)
        {
            var rows = dl[..int.Min(Block, prediction.RowCount - first)];
            if (dLosses.IsEmpty) rows.Fill(dL);
            else dLosses.Slice(first, rows.Length).CopyTo(rows);
            Gradient(prediction, targets, first, rows, dPrediction, [], []);
        }
    }

    /// <inheritdoc/>
    // Both need max and log sum e^(p_k - max): the exponentials are taken once.
    protected override double SumAndGradient(Matrix<T> prediction, ClassTargets<T> targets, T dL, Matrix<T> dPrediction)
    {
        Span<T> dl = stackalloc T[Block], max = stackalloc T[Block], logSum = stackalloc T[Block], losses = stackalloc T[Block];
        var sum = 0.0;
        for (var first = 0; first < prediction.RowCount; first += Block)
        {
            var rows = int.Min(Block, prediction.RowCount - first);
            dl.Fill(dL);
            Gradient(prediction, targets, first, dl[..rows], dPrediction, max[..rows], logSum[..rows]);
            Losses(prediction, targets, first, max[..rows], logSum[..rows], losses[..rows]);
            sum = AddTo(sum, losses[..rows]);
        }

        return sum;
    }

    /// <summary>The losses of a block of rows, whose max and log sum are known.</summary>
    private void Losses(Matrix<T> prediction, ClassTargets<T> targets, int first, ReadOnlySpan<T> max, ReadOnlySpan<T> logSum, Span<T> losses)
    {
        int n = prediction.RowCount, classes = prediction.ColumnCount;
        var (share, floor) = Shares(classes);
        ReadOnlySpan<T> p = prediction.Span()[first..], t = targets.Probabilities;
        if (targets.AreProbabilities || floor != T.Zero)
            CrossEntropy.Losses(p, n, classes, max, logSum, Weights, t.IsEmpty ? t : t[first..], floor, share, losses);
        else
            losses.Clear();
        for (var i = 0; i < losses.Length && !targets.AreProbabilities; i++)
        {
            var y = targets[first + i];
            losses[i] = y == IgnoreIndex ? T.Zero : losses[i] - share * WeightOf(y) * (p[i + y * n] - max[i] - logSum[i]);
        }
    }

    /// <summary>The gradient of a block of rows from that of their losses, which is lost; and their max and log sum where there is room for them.</summary>
    private void Gradient(
        Matrix<T> prediction, ClassTargets<T> targets, int first, Span<T> dl, Matrix<T> dPrediction, Span<T> max, Span<T> logSum)
    {
        int n = prediction.RowCount, classes = prediction.ColumnCount;
        var (share, floor) = Shares(classes);
        Span<T> q = stackalloc T[Block];    // zeros, as it comes
        for (var i = 0; i < dl.Length && !targets.AreProbabilities; i++)
        {
            var y = targets[first + i];
            if (y == IgnoreIndex) dl[i] = T.Zero;
            else q[i] = share * WeightOf(y);
        }

        var t = targets.Probabilities;
        var dP = dPrediction.Span()[first..];
        CrossEntropy.Gradient(prediction.Span()[first..], n, classes, dl, q[..dl.Length], Weights, t.IsEmpty ? t : t[first..], floor, share, dP, max, logSum);
        for (var i = 0; i < dl.Length && !targets.AreProbabilities; i++)
        {
            var y = targets[first + i];
            if (y != IgnoreIndex) dP[i + y * n] -= dl[i] * q[i];
            else if (dP[i] != T.Zero) // logits that are not finite make a row of NaN, of 0 times them too
                for (var c = 0; c < classes; c++) dP[i + c * n] = T.Zero;
        }
    }

    /// <summary>What of a sample's probability stays where it is, 1 - e, and what each class is given, e/C.</summary>
    private (T Share, T Floor) Shares(int classes) => (T.CreateSaturating(1 - LabelSmoothing), T.CreateSaturating(LabelSmoothing / classes));
}
