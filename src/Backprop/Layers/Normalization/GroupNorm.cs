using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Group normalisation of images: y = x̂ w + b, where x̂ is x with mean 0 and variance 1 in each group of channels of each sample.</summary>
/// <remarks>
/// <para>x̂ = (x - mean) r and r = 1/√(var + ε), with the mean and the variance (the biased one) of all pixels of the C/groups channels of the group, in one sample. So no sample depends on another, and training and evaluation do the same.</para>
/// <para>Shapes: x (n x C H W), w (C), b (C), y (n x C H W). A row is an image, see <see cref="ImageShape"/>; of features that are no image, height and width are 1.</para>
/// <para>Derivatives, with the means over a group and dX̂ = dY w: dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)); dw += Σ dY x̂ and db += Σ dY over a channel's pixels of all samples. CHAIN-RULE.md, "GroupNorm".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html">torch.nn.GroupNorm</see>.
/// Source: Y. Wu and K. He, Group normalization, ECCV 2018.</para>
/// </remarks>
/// <example><code>var norm = new GroupNorm&lt;double&gt;(4, new ImageShape(16, 14, 14));</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class GroupNorm<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with w = 1 and b = 0.</summary>
    /// <param name="numGroups">Groups, at least 1; divides the channels.</param>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="affine">Whether to learn w and b.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or ε is negative or not finite.</exception>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    public GroupNorm(int numGroups, ImageShape inputShape, double epsilon = 1e-5, bool affine = true)
    {
        var owner = $"GroupNorm({Signature.Number(numGroups)}, {inputShape})";
        NumGroups = Expect.Positive(owner, numGroups, nameof(numGroups));
        InputShape = inputShape.Require(owner, nameof(inputShape));
        if (inputShape.Channels % numGroups != 0) throw new ArgumentException($"{owner} expects groups that divide the {inputShape.Channels} channels, but there are {numGroups}.", nameof(numGroups));
        Epsilon = Expect.AtLeastZero(owner, epsilon);
        if (!affine) return;
        Weight = Register(new VectorParameter<T>("weight", inputShape.Channels));
        Bias = Register(new VectorParameter<T>("bias", inputShape.Channels));
        Weight.Values.Fill(T.One);
    }

    /// <summary>w, C; null without.</summary>
    public VectorParameter<T>? Weight { get; }

    /// <summary>b, C; null without.</summary>
    public VectorParameter<T>? Bias { get; }

    /// <summary>Groups of channels.</summary>
    public int NumGroups { get; }

    /// <summary>Channels, height and width of an image.</summary>
    public ImageShape InputShape { get; }

    /// <summary>ε.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula => $"y = xhat{(Weight is null ? "" : " w + b")},  xhat = (x - mean) r,  r = 1/sqrt(var + eps),  mean and var over each group of channels of each sample";

    /// <inheritdoc/>
    public override string Derivative =>
        $"dX = r (dXhat - mean(dXhat) - xhat mean(dXhat xhat)),  dXhat = dY{(Weight is null ? "" : " w,  dw += sum over pixels of dY xhat,  db += sum over pixels of dY")}";

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new GroupNormPass<T>(this, training, NumGroups, InputShape);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("GroupNorm", Signature.Number(NumGroups), $"{InputShape}", Epsilon == 1e-5 ? "" : $"epsilon {Signature.Number(Epsilon)}", Weight is null ? "not affine" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        // y = (x - mean) r w + b
        ((GroupNormPass<T>)pass).Groups.Forward(T.CreateSaturating(Epsilon), x.Span(), Weight, Bias, y.Span(), x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NeedsInputGradient ? pass.NewInputGradient() : null;
        // dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)), dX̂ = dY w      dw += Σ dY x̂      db += Σ dY
        ((GroupNormPass<T>)pass).Groups.Backward(pass.Input.Span(), dY.Span(), Weight, Bias, dX is null ? [] : dX.Span(), dY.RowCount);
        return dX;
    }
}
