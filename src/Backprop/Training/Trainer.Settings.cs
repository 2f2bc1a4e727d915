using System.Globalization;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <content>What a training was made with: the same, by value, wherever it goes on from a checkpoint.</content>
public sealed partial class Trainer<T>
{
    // What was seen when the trainer was made, before training could change anything in it; what joins later, when it is seen first.
    private readonly ConditionalWeakTable<IDescribed, IReadOnlyDictionary<string, string>> _made = new();
    private readonly IReadOnlyDictionary<string, double> _hyperparameters;

    /// <summary>Takes down what model, loss and optimizer were made with.</summary>
    /// <returns>The optimizer's hyperparameters, before any scheduler moved them, whether it was made before the trainer or comes after.</returns>
    private IReadOnlyDictionary<string, double> TakeDown()
    {
        AddModel([]);
        Made(Loss);
        return Optimizer.Unscheduled ?? Optimizer.GetState().Hyperparameters();
    }

    /// <summary>What must be the same when the training is resumed, unless it is allowed not to be. States of optimizer and schedulers look after what else they need.</summary>
    private Dictionary<string, string> AllSettings()
    {
        var settings = new Dictionary<string, string> { ["precision"] = typeof(T) == typeof(float) ? "float" : "double" };
        AddModel(settings);
        Add(settings, "loss", Loss);
        foreach (var (name, value) in Made(Training))
            if (name != "type") settings[$"training {name}"] = value;
        settings["validation samples"] = Validation?.Fingerprint ?? "none";
        settings["batch size"] = Text(Training.BatchSize);
        if (GradientAccumulationSteps > 1) settings["batches a step"] = Text(GradientAccumulationSteps);
        if (Shards > 1) settings["shards"] = Text(Shards);
        settings["last batch"] = Training.DropLast ? "dropped" : "kept";
        settings["metrics"] = string.Join(", ", MeasuredMetrics);
        if (Validation is not null)
            foreach (var metric in Metrics) Add(settings, $"metrics {metric.Name}", metric);
        Add(settings, "scheduler", Scheduler);
        if (SchedulerMetric is not null) settings["watched by the scheduler"] = SchedulerMetric;
        Add(settings, "batch scheduler", BatchScheduler);
        settings["gradient norm"] = MaxGradientNorm is double norm ? Text(norm) : "any";
        settings["early stopping"] = EarlyStopping?.ToString() ?? "none";
        settings["generators"] = Text(Generators().Count());
        settings["shuffled"] = Training.Generator is null ? "no" : "yes";
        settings["optimizer"] = $"{Optimizer}";
        var names = Model.NamedParameters().DistinctBy(named => named.Parameter).ToDictionary(named => named.Parameter, named => named.Name);
        foreach (var (i, group) in Optimizer.Groups.Index())
        {
            settings[$"optimizer groups.{Text(i)} type"] = Settings.NameOf(group.GetType());
            settings[$"optimizer groups.{Text(i)} parameters"] = string.Join(", ", group.Parameters.Select(parameter => names.GetValueOrDefault(parameter, "one that is not the model's")));
        }

        foreach (var (name, value) in _hyperparameters) settings[$"optimizer {name}"] = Text(value);
        return settings;
    }

    /// <summary>The layers by their paths, and the shapes of their parameters and buffers by theirs.</summary>
    private void AddModel(Dictionary<string, string> settings)
    {
        AddLayer("model", Model);
        var places = new Dictionary<object, string>(ReferenceEqualityComparer.Instance);
        foreach (var (name, parameter) in Model.NamedParameters()) AddShape(name, parameter, parameter.Shape);
        foreach (var (name, buffer) in Model.NamedBuffers()) AddShape(name, buffer, buffer.Shape);

        void AddLayer(string path, Layer<T> layer)
        {
            Add(settings, path, layer);
            foreach (var child in layer.Children) AddLayer($"{path}.{child.Name}", child.Layer);
        }

        // One that stands in several places is another thing than several with the same values.
        void AddShape(string name, object value, IReadOnlyList<int> shape) => settings[$"model.{name} shape"] =
            $"({string.Join(", ", shape)}){(places.TryAdd(value, name) ? "" : $", the same as {places[value]}")}";
    }

    private void Add(Dictionary<string, string> settings, string path, IDescribed? part)
    {
        if (part is null) settings[path] = "none";
        else
            foreach (var (name, value) in Made(part)) settings[name == "type" ? path : $"{path} {name}"] = value;
    }

    private IReadOnlyDictionary<string, string> Made(IDescribed part) =>
        _made.GetValue(part, static part => part is Layer<T> layer ? Settings.Of(layer) : Settings.Of(part));

    /// <summary>Compares what a file says with what is here.</summary>
    /// <returns>What is different and may be.</returns>
    /// <exception cref="InvalidDataException">Something is different that may not be.</exception>
    private ResumeChanges CheckSettings(IReadOnlyDictionary<string, string> there, string source, ResumeChanges allow)
    {
        var (here, changes, problems) = (AllSettings(), ResumeChanges.None, new List<string>());
        foreach (var name in here.Keys.Union(there.Keys).Where(name => name != FormatKey && there.GetValueOrDefault(name) != here.GetValueOrDefault(name)))
        {
            var change = ChangeOf(name);
            if (change != ResumeChanges.None && allow.HasFlag(change)) changes |= change;
            else problems.Add($"{name}: {there.GetValueOrDefault(name, "nothing")} there, {here.GetValueOrDefault(name, "nothing")} here{(change == ResumeChanges.None ? "" : $"; {nameof(ResumeChanges)}.{change} allows it")}");
        }

        return problems.Count == 0 ? changes : throw new InvalidDataException($"{source} is a checkpoint of a training with other settings:\n  {string.Join("\n  ", problems)}");
    }

    private bool IsOther(LRScheduler? scheduler, string path, IReadOnlyDictionary<string, string> there)
    {
        var here = new Dictionary<string, string>();
        Add(here, path, scheduler);
        return !here.OrderBy(setting => setting.Key, StringComparer.Ordinal).SequenceEqual(
            there.Where(setting => IsOf(path, setting.Key)).OrderBy(setting => setting.Key, StringComparer.Ordinal));
    }

    /// <summary>What a setting belongs to of all that may change; nothing for most.</summary>
    private static ResumeChanges ChangeOf(string setting) => setting switch
    {
        "batch size" or "last batch" or "batches a step" or "shards" => ResumeChanges.BatchSize,
        "validation samples" => ResumeChanges.Validation,
        "early stopping" => ResumeChanges.EarlyStopping,
        "gradient norm" => ResumeChanges.Hyperparameters,
        _ when IsOf("training", setting) => ResumeChanges.Samples,
        _ when IsOf("metrics", setting) => ResumeChanges.Validation,
        "watched by the scheduler" => ResumeChanges.Schedulers,
        _ when IsOf("scheduler", setting) || IsOf("batch scheduler", setting) => ResumeChanges.Schedulers,
        _ when IsOf("optimizer", setting) && setting.IndexOf(' ', StringComparison.Ordinal) == setting.LastIndexOf(' ') && setting != "optimizer" => ResumeChanges.Hyperparameters,
        _ => ResumeChanges.None,
    };

    private static bool IsOf(string path, string setting) => setting == path || setting.StartsWith(path + " ", StringComparison.Ordinal);

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
