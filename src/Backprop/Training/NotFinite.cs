using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Finds where NaN and infinity come from.</summary>
internal static class NotFinite
{
    internal const string Advice = "A smaller learning rate or clipped gradients may help.";

    /// <summary>Says where the first value that is not finite comes from, in a forward pass and the loss after it.</summary>
    internal static string Find<T>(ForwardPass<T> pass, Matrix<T> target) where T : unmanaged, IFloatingPointIeee754<T> =>
        Layer(pass, "") is string layer ? $"it began in {layer}. {Advice}"
        : Any<T>(pass.Input.Span()) ? "the inputs have such values."
        : Any<T>(target.Span()) ? "the targets have such values."
        : $"the layers' outputs are finite, but the loss itself is not. {Advice}";

    /// <summary>Says where the first gradient that is not finite comes from, in a backward pass after a loss that is finite.</summary>
    internal static string FindGradient<T>(ForwardPass<T> pass) where T : unmanaged, IFloatingPointIeee754<T> =>
        pass.OutputGradient is not { } dY || Any<T>(dY.Span()) ? $"the loss's own gradient has such values. {Advice}"
        : GradientLayer(pass, "") is string layer ? $"it began in the backward pass of {layer}. {Advice}"
        : $"what flows between the layers is finite. {Advice}";

    /// <summary>The name of a parameter that has such a value; null if there is none.</summary>
    internal static string? FirstParameter<T>(Layer<T> layer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var (name, parameter) in layer.NamedParameters())
            if (Any<T>(parameter.Values)) return name;
        return null;
    }

    private static string? Layer<T>(ForwardPass<T> pass, string path) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!pass.HasRun) return null;
        for (var i = 0; i < pass.Steps.Count; i++)
        {
            var name = pass.Layer.Children[i].Name;
            if (Layer(pass.Steps[i], path.Length == 0 ? name : $"{path}.{name}") is string found) return found;
        }

        // An input that is not finite need not be to blame: a layer may fill gaps.
        if (Any<T>(pass.Input.Span()) || !Any<T>(pass.Output.Span())) return null;
        var parameter = FirstParameter(pass.Layer);
        return $"{(path.Length == 0 ? "" : $"\"{path}\", ")}{pass.Layer}{(parameter is null ? "" : $", whose {parameter} is not finite")}";
    }

    // Backwards, so that the last layer comes first: the one that was given finite gradients and gave others.
    private static string? GradientLayer<T>(ForwardPass<T> pass, string path) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (pass.OutputGradient is not { } dY || Any<T>(dY.Span())) return null;
        for (var i = pass.Steps.Count - 1; i >= 0; i--)
        {
            var name = pass.Layer.Children[i].Name;
            if (GradientLayer(pass.Steps[i], path.Length == 0 ? name : $"{path}.{name}") is string found) return found;
        }

        var parameter = pass.Layer.NamedParameters().FirstOrDefault(named => Any<T>(named.Parameter.Gradients));
        return parameter is not null || (pass.InputGradient is { } dX && Any<T>(dX.Span())) ? $"{(path.Length == 0 ? "" : $"\"{path}\", ")}{pass.Layer}" : null;
    }

    private static bool Any<T>(ReadOnlySpan<T> values) where T : unmanaged, IFloatingPointIeee754<T> => !TensorPrimitives.IsFiniteAll(values);
}
