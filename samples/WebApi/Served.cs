using Backprop;

namespace Samples.WebApi;

internal sealed record Question(double?[] Features, int Top = 1);

internal sealed record Answer(int Version, IReadOnlyList<Likely> Classes);

internal sealed record Likely(string Name, double Probability);

internal sealed record Health(string Status, int Version, IReadOnlyList<string> Classes);

/// <summary>The model that is served, for any number of callers at once, and how it is exchanged while they call.</summary>
internal sealed class Served
{
    private readonly string _path;
    private readonly Lock _loading = new();
    private volatile Model _model;

    internal Served(string path) => (_path, _model) = (path, Load(path, version: 1));

    internal int Version => _model.Version;

    internal IReadOnlyList<string> Classes => [.. _model.Classes];

    internal Answer Predict(Question question)
    {
        var model = _model;     // one look: whatever is exchanged meanwhile, this question has one model
        if (question.Features is null) throw new ArgumentException("The question has no features.");
        if (question.Top < 1 || question.Top > model.Classes.Count) throw new ArgumentException($"There are {model.Classes.Count} classes, but the question is for the top {question.Top}.");
        // Columns take what they are for and leave the rest, so that too few are refused by the model, but too many are not.
        if (question.Features.Length > Penguins.Features) throw new ArgumentException($"The model expects {Penguins.Features} features, but there are {question.Features.Length}.");
        if (question.Features.Any(feature => feature is double value && !double.IsFinite(value))) throw new ArgumentException("The features are not all finite.");
        var features = Array.ConvertAll(question.Features, feature => feature ?? double.NaN);      // a gap, which the model knows how to fill
        var probabilities = new double[model.Classes.Count];
        model.Network.Predict(features, probabilities);
        var likely = probabilities.Select((probability, i) => new Likely(model.Classes[i], probability)).OrderByDescending(of => of.Probability).Take(question.Top);
        return new(model.Version, [.. likely]);
    }

    /// <summary>Loads the file anew, and serves it once it is whole. Where it does not fit, all stays as it is.</summary>
    internal int Reload()
    {
        lock (_loading) return (_model = Load(_path, _model.Version + 1)).Version;
    }

    private static Model Load(string path, int version)
    {
        var network = Penguins.Network();
        var classes = network.Load(path).Classes ?? throw new InvalidDataException($"{path} does not say what its classes are called.");
        return new(new Sequential<double> { { "network", network }, { "probabilities", new Softmax<double>() } }, classes, version);
    }

    private sealed record Model(Layer<double> Network, Classes Classes, int Version);
}
