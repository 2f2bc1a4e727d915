using System.Globalization;
using System.Numerics;
using System.Text;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A network in a table: its layers, their shapes and their parameters.</summary>
public static class ModelSummary
{
    /// <summary>The table: a line for each layer, with its path, its output's shape and its parameters; and how many learn, how many are frozen, and what they take.</summary>
    /// <remarks>Parameters that stand in several places are counted where they stand first.</remarks>
    /// <param name="model">The network.</param>
    /// <param name="x">An input, which goes through the network in evaluation mode, so that shapes are known; null for none.</param>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    /// <exception cref="ArgumentException">The input does not fit the network.</exception>
    public static string Summary<T>(this Layer<T> model, Matrix<T>? x = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        var pass = ForwardPass<T>.Made(model, training: false);
        if (x is not null) pass.Forward(x);
        var seen = new HashSet<Parameter<T>>();
        var rows = new List<string[]> { (string[])["layer", "", "output", "parameters", ""] };
        Add(pass, "", 0);

        var widths = Enumerable.Range(0, 5).Select(j => rows.Max(row => row[j].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows) text.Append(string.Join("  ", row.Select((cell, j) => j == 3 ? cell.PadLeft(widths[j]) : cell.PadRight(widths[j]))).TrimEnd()).Append('\n');
        long learning = seen.Where(parameter => !parameter.Frozen).Sum(parameter => (long)parameter.Count), frozen = seen.Where(parameter => parameter.Frozen).Sum(parameter => (long)parameter.Count);
        text.Append(CultureInfo.InvariantCulture, $"{Count(learning + frozen)} parameters, {Count(learning)} that learn and {Count(frozen)} frozen: {Count((learning + frozen) * (typeof(T) == typeof(float) ? 4 : 8))} bytes");
        return text.ToString();

        void Add(ForwardPass<T> step, string name, int depth)
        {
            var layer = step.Layer;
            var own = layer.NamedParameters().Where(named => !named.Name.Contains('.', StringComparison.Ordinal)).Select(named => named.Parameter).Where(seen.Add).ToList();
            var kind = step.Steps.Count > 0 ? layer.GetType().Name.Split('`')[0] : $"{layer}";
            var isFrozen = layer.Parameters.Count > 0 && layer.Parameters.All(parameter => parameter.Frozen);
            rows.Add([$"{new string(' ', 2 * depth)}{name}", kind, step.HasRun ? Operand.Shape(step.Output) : "", own.Count == 0 ? "" : Count(own.Sum(parameter => (long)parameter.Count)), isFrozen ? "frozen" : ""]);
            for (var i = 0; i < step.Steps.Count; i++) Add(step.Steps[i], i < layer.Children.Count ? layer.Children[i].Name : "", depth + 1);
        }

        static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
    }
}
