using System.Numerics;

namespace Backprop.Explain;

/// <summary>Who explains what.</summary>
public static class Explainers
{
    /// <summary>Those of the library's layers. To explain one of your own, put yours before them: <c>[new SquareExplainer&lt;double&gt;(), .. Explainers.Default&lt;double&gt;()]</c>.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    public static IReadOnlyList<LayerExplainer<T>> Default<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        new LinearExplainer<T>(), new ElementwiseExplainer<T>(), new SoftmaxExplainer<T>(), new PReLUExplainer<T>(), new NormalizationExplainer<T>(), new DropoutExplainer<T>(),
        new EmbeddingExplainer<T>(), new ConvolutionExplainer<T>(), new MaxPoolingExplainer<T>(), new RecurrentExplainer<T>(), new SequenceExplainer<T>(), new AttentionExplainer<T>(),
        new TransformerExplainer<T>(), new MixingExplainer<T>(), new ContainerExplainer<T>(), new PreprocessingExplainer<T>(),
    ];
}
