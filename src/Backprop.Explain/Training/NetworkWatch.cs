using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>The network, place by place: a step of the pass that has none within it, or whose layer has parameters of its own.</summary>
internal sealed class NetworkWatch<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MostClasses = 10_000;     // beyond, a column is hardly a class

    private readonly Trainer<T> _trainer;
    private readonly long _window;
    private readonly List<LayerWatch<T>> _layers = [];
    private readonly List<(LayerWatch<T> Layer, ForwardPass<T> Step)> _places = [];
    private readonly Dictionary<(string, Layer<T>), LayerWatch<T>> _known = [];
    private readonly Dictionary<LayerWatch<T>, int> _units = [];
    private readonly UnitWatch _predicted = new();
    private readonly bool _hasClasses;
    private ForwardPass<T>? _pass;
    private int _steps;                         // of the whole tree when it was looked through
    private bool[] _wasPredicted = [];

    internal NetworkWatch(Trainer<T> trainer, long window)
    {
        (_trainer, _window) = (trainer, window);
        _hasClasses = trainer.Loss is ClassificationLoss<T>;
        Follow(trainer.Pass);
    }

    /// <summary>Keeps the parameters as they are now.</summary>
    internal void CopyParameters()
    {
        Follow(_trainer.Pass);
        foreach (var (layer, _) in _places) layer.Copy();
    }

    /// <summary>Looks at every layer after a step.</summary>
    internal LayerSample[] Look(ForwardPass<T> pass, bool seesUpdate)
    {
        var grown = !Follow(pass);
        var samples = new LayerSample[_layers.Count];
        Array.Fill(samples, LayerSample.None);
        foreach (var (layer, step) in _places)
        {
            if (!HasRun(step)) continue;
            _units[layer] = step.Output.ColumnCount;
            samples[_layers.IndexOf(layer)] = layer.Look(step, _window, seesUpdate && !grown, isOutput: ReferenceEquals(step.Output, pass.Output));
        }

        if (_hasClasses) LookAtClasses(pass.Output);
        return samples;
    }

    internal IReadOnlyList<LayerRecord> Layers() => [.. _layers.Select(layer => layer.Record(_units.GetValueOrDefault(layer)))];

    /// <summary>The classes with how often they stand in the training samples; none where these are not at hand.</summary>
    internal IReadOnlyList<ClassRecord> Classes()
    {
        if (!_hasClasses || _predicted.Silent.Length == 0 || _trainer.Training is not Batches<T> { Samples.Y: { ColumnCount: 1 } targets }) return [];
        var counts = new int[_predicted.Silent.Length];
        foreach (var target in Norms.Entries(targets))
            if (double.CreateTruncating(target) is var c && c >= 0 && c < counts.Length) counts[(int)c]++;
        var silent = _predicted.Silent.ToArray();
        return [.. counts.Select((count, c) => new ClassRecord(c, count, silent[c]))];
    }

    /// <summary>How much predictions differ: the largest over the columns of (max - min) / max |y|.</summary>
    internal static double Spread(Matrix<T> y)
    {
        if (y.RowCount < 2) return double.NaN;
        var spread = 0.0;
        var entries = Norms.Entries(y);
        for (var j = 0; j < y.ColumnCount; j++)
        {
            var (least, most) = (double.PositiveInfinity, double.NegativeInfinity);
            foreach (var entry in entries.Slice(j * y.RowCount, y.RowCount)) (least, most) = (Math.Min(least, double.CreateTruncating(entry)), Math.Max(most, double.CreateTruncating(entry)));
            if (most > least) spread = Math.Max(spread, (most - least) / Math.Max(Math.Abs(least), Math.Abs(most)));
        }

        return spread;
    }

    /// <summary>Finds the places in the pass, where it is another or has grown.</summary>
    /// <returns>Whether they are as they were.</returns>
    private bool Follow(ForwardPass<T> pass)
    {
        var steps = Count(pass);
        if (ReferenceEquals(pass, _pass) && steps == _steps) return true;
        (_pass, _steps) = (pass, steps);
        _places.Clear();
        Add(pass, "", takesData: true);
        return false;
    }

    // A class is predicted where its score is the largest.
    private void LookAtClasses(Matrix<T> y)
    {
        if (y.ColumnCount is < 2 or > MostClasses) return;
        _predicted.Require(y.ColumnCount);
        if (_wasPredicted.Length != y.ColumnCount) _wasPredicted = new bool[y.ColumnCount];
        Array.Clear(_wasPredicted);
        var rows = y.RowCount;
        var entries = Norms.Entries(y);
        for (var i = 0; i < rows; i++)
        {
            var best = 0;
            for (var j = 1; j < y.ColumnCount; j++)
                if (entries[j * rows + i] > entries[best * rows + i]) best = j;
            _wasPredicted[best] = true;
        }

        for (var j = 0; j < y.ColumnCount; j++) _predicted.See(j, rows, _wasPredicted[j]);
    }

    private void Add(ForwardPass<T> step, string path, bool takesData)
    {
        var own = Own(step.Layer);
        if (step.Steps.Count == 0 || own.Length > 0)
        {
            if (!_known.TryGetValue((path, step.Layer), out var layer))
            {
                _known[(path, step.Layer)] = layer = new(path, step.Layer, own, takesData);
                _layers.Add(layer);
            }

            _places.Add((layer, step));
        }

        var children = step.Layer.Children;
        for (var i = 0; i < step.Steps.Count; i++)
        {
            // In a sequence the first layer takes the data, and the next one where those before only prepare it; in all else each may.
            if (i > 0 && step.Layer is Sequential<T> && step.Steps[i - 1].Layer is not (Preprocessing<T> or Identity<T> or Dropout<T>)) takesData = false;
            Add(step.Steps[i], Name(step, i, children) is var name && path.Length == 0 ? name : $"{path}.{name}", takesData);
        }
    }

    // A layer that runs several times in a pass has a place for each; those after the first have a number.
    private static string Name(ForwardPass<T> step, int i, IReadOnlyList<NamedLayer<T>> children)
    {
        if (i < children.Count && ReferenceEquals(children[i].Layer, step.Steps[i].Layer)) return children[i].Name;
        var layer = step.Steps[i].Layer;
        var run = 1 + step.Steps.Take(i).Count(other => ReferenceEquals(other.Layer, layer));
        return string.Create(CultureInfo.InvariantCulture, $"{children.FirstOrDefault(child => ReferenceEquals(child.Layer, layer))?.Name ?? "?"}, run {run}");
    }

    private static NamedParameter<T>[] Own(Layer<T> layer)
    {
        var within = layer.Children.SelectMany(child => child.Layer.Parameters).ToHashSet();
        return [.. layer.NamedParameters().Where(named => !within.Contains(named.Parameter))];
    }

    private static int Count(ForwardPass<T> pass)
    {
        var count = 1;
        foreach (var step in pass.StepSpan) count += Count(step);
        return count;
    }

    // A container may leave out a child.
    private static bool HasRun(ForwardPass<T> step)
    {
        try
        {
            return step.Output is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
