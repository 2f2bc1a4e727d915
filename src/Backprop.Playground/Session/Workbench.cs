using System.Globalization;
using Backprop.Explain;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Playground;

/// <summary>What the page may do: everything answers with the state as JSON, and with an error where it could not be done. It knows no browser.</summary>
internal sealed class Workbench
{
    private Session _session = new(Setup.Notebook);
    private Explanation? _explanation;
    private string? _note;

    public Session Session => _session;

    /// <summary>The words and names to choose from, as JSON.</summary>
    public static string Catalogue()
    {
        var json = new JsonText().Open('{').Name("layers").Texts(NetworkText.Layers).Name("losses").Texts(NetworkText.Losses).Name("data").Open('[');
        foreach (var data in DataSet.All) json.Open('[').Value(data.Name).Value(data.Title).Close(']');
        json.Close(']').Name("optimizers").Open('[');
        foreach (var (name, title) in OptimizerSettings.All) json.Open('[').Value(name).Value(title).Close(']');
        return json.Close(']').Close('}').ToString();
    }

    /// <summary>Starts from an address; from the notebook's network where it cannot be read.</summary>
    public string Start(string query)
    {
        _session = new(Setup.Notebook);
        return Try(() => _session = new(Address.Read(query)), "The address could not be read, so this is the notebook's network. ");
    }

    /// <summary>Whether an address wants the digits, which are loaded only then.</summary>
    public static bool NeedsDigits(string query) => !DataSet.HasDigits && query.Contains("data=digits", StringComparison.Ordinal);

    public string SetNetwork(string text) => Try(() => Replace(text));

    public string InsertLayer(int index, string word) => Try(() =>
    {
        var layers = _session.Network.Layers.ToList();
        index = Math.Clamp(index, 0, layers.Count);
        layers.Insert(index, NetworkText.Example(word, ColumnsBefore(index)));
        Replace(Text(layers));
    });

    public string RemoveLayer(int index) => Try(() =>
    {
        var layers = _session.Network.Layers.ToList();
        if (index < 0 || index >= layers.Count) throw new PlaygroundException($"There is no layer {index + 1}.");
        layers.RemoveAt(index);
        Replace(Text(layers));
    });

    /// <summary>Changes how many columns a linear layer gives.</summary>
    public string SetWidth(int index, int width) => Try(() =>
    {
        var layers = _session.Network.Layers.ToList();
        if (index < 0 || index >= layers.Count) throw new PlaygroundException($"There is no layer {index + 1}.");
        if (WidthOf(index) is not int old) throw new PlaygroundException($"Layer {index + 1} has no width to change.");
        var at = layers[index].LastIndexOf("linear(", StringComparison.Ordinal) + 7;
        layers[index] = layers[index].Remove(at, old.ToString(CultureInfo.InvariantCulture).Length).Insert(at, width.ToString(CultureInfo.InvariantCulture));
        Replace(Text(layers));
    });

    public string SetLoss(string word) => Try(() => Replace(_session.Network.InFull[..^_session.Network.LossText.Length] + word));

    public string SetData(string name) => Try(() =>
    {
        var data = DataSet.Find(name) ?? throw new PlaygroundException($"There is no data set \"{name}\".");
        var setup = _session.Setup with { Data = name, Points = null };
        var untouched = DataSet.Find(_session.Setup.Data) is { } old && old.Network == _session.Setup.Network;
        if (!untouched && data.Inputs == _session.Network.Inputs)
        {
            try
            {
                _session = new(setup);
                return;
            }
            catch (Exception refusal) when (IsSaid(refusal))
            {
                _note = $"The network did not fit, so it was changed. {Said(refusal)}";
            }
        }
        else if (!untouched)
        {
            _note = $"The points have {data.Inputs} features, so the network was changed.";
        }

        var start = name == "line" ? Setup.Notebook.Start : [];
        _session = new(setup with { Network = data.Network, Start = start, Optimizer = setup.Optimizer.Name == "sgd" ? setup.Optimizer with { LearningRate = data.LearningRate } : setup.Optimizer });
    });

    /// <summary>Draws new weights.</summary>
    public string SetSeed(double seed) => Try(() =>
    {
        if (seed != Math.Floor(seed) || Math.Abs(seed) > 1e15) throw new PlaygroundException($"A seed should be a whole number, but it is {Signature.Number(seed)}.");
        _session = new(_session.Setup with { Seed = (long)seed, Start = [] });
    });

    public string SetOptimizer(string name) => Try(() =>
    {
        var old = _session.Setup.Optimizer;
        // Rules that divide by the gradient's size want smaller steps.
        var rate = old.Name == "sgd" == (name == "sgd") ? old.LearningRate : name == "sgd" ? 0.1 : 0.01;
        _session.ChangeOptimizer(new() { Name = name, LearningRate = rate });
    });

    public string SetSetting(string name, double value) => Try(() => _session.SetOptimizer(name, value));

    public string SetEntry(string address, int row, int column, double value) => Try(() => _session.Set(address, row, column, value));

    /// <summary>Adds a point: of one feature and a number, or of two features and a class.</summary>
    public string AddPoint(double first, double second, double @class) => Try(() => _session.SetPoints(_session.Points switch
    {
        { Inputs: 1 } points => points.With([first], second),
        { Inputs: 2 } points => points.With([first, second], @class),
        var points => throw new PlaygroundException($"Points of {points.Inputs} features cannot be set in a plane."),
    }));

    public string MovePoint(int index, double first, double second) => Try(() =>
    {
        var points = _session.Points;
        if (index < 0 || index >= points.Count || points.Inputs > 2) throw new PlaygroundException($"There is no point {index} in the plane.");
        _session.SetPoints(points.With(index, 0, first).With(index, 1, second));
    });

    public string RemovePoint(int index) => Try(() =>
    {
        if (index < 0 || index >= _session.Points.Count) throw new PlaygroundException($"There is no point {index}.");
        if (_session.Points.Count == 1) throw new PlaygroundException("The last point stays.");
        _session.SetPoints(_session.Points.Without(index));
    });

    public string Forward() => Try(_session.Forward);

    public string Loss() => Try(_session.ComputeLoss);

    public string Backward() => Try(_session.Backward);

    public string Update() => Try(_session.Update);

    public string Train(int steps) => Try(() =>
    {
        if (_session.Train(steps) < steps) throw new PlaygroundException("The loss is not finite any more, so the training stopped: the learning rate is too high for this network.");
    });

    public string Reset() => Try(_session.Reset);

    /// <summary>Makes the two weights different, or the same again.</summary>
    public string ShowHidden(bool on) => Try(() =>
    {
        if (!_session.IsNotebook) throw new PlaygroundException("Only the notebook's network, 1-1-1 sigmoid mse, has what the notebook hid.");
        _session.Set("output.weight", 0, 0, on ? 0.5 : _session.Model.Get<Linear<double>>("hidden").Weight.Value[0, 0]);
    });

    public byte[] Save() => _session.Save();

    public string Load(byte[] file) => Try(() => _session.Load(file), "The file was not opened. ");

    /// <summary>Features and target of each point, one after the other.</summary>
    public double[] Points() => [.. Enumerable.Range(0, _session.Points.Count).SelectMany(i => _session.Points.X.Row(i).Append(_session.Points.Y[i, 0]))];

    /// <summary>What the network makes of each point, as plots show it.</summary>
    public double[] Predictions() => _session.Shown(_session.Points.X);

    /// <summary>The fit: what the network makes of so many x between two; nothing where it does not take one feature.</summary>
    public double[] Curve(double from, double to, int count) => _session.Network.Inputs != 1 || !AllowsAnyInput ? [] : Shown(Matrix<double>.Build.Dense(count, 1, (i, _) => from + (to - from) / (count - 1) * i));

    /// <summary>What the network makes of each cell of the plane, row after row from the top; nothing where it does not take two features.</summary>
    public double[] Surface(double from, double to, int count) => _session.Network.Inputs != 2 ? [] : Shown(Matrix<double>.Build.Dense(count * count, 2, (i, j) =>
    {
        var step = (to - from) / count;
        return j == 0 ? from + step * (i % count + 0.5) : to - step * (i / count + 0.5);
    }));

    /// <summary>The loss before each step, at most so many of them.</summary>
    public double[] History(int most)
    {
        var history = _session.History;
        return history.Count <= most ? [.. history] : [.. Enumerable.Range(0, most).Select(i => history[(int)((long)i * (history.Count - 1) / (most - 1))])];
    }

    /// <summary>All numbers, as the drawing script takes them; answers are asked as it goes.</summary>
    /// <param name="entries">Where entries go, so that the JSON has only where they begin; null for all of it in JSON.</param>
    public string Explanation(List<double>? entries = null)
    {
        var setup = _session.Setup;
        _explanation = Backprop.Explain.Explanation.Of(_session.Model, _session.Network.Loss, _session.Points.X, _session.Target,
            new() { Title = setup.Network, LearningRate = setup.Optimizer.IsPlain ? setup.Optimizer.LearningRate : null });
        return entries is null ? _explanation.ToJson(answers: false) : _explanation.ToJson(entries);
    }

    /// <summary>Where an entry comes from; null where there is no such entry.</summary>
    public string? Ask(string address, int row, int column)
    {
        if (_explanation is null) Explanation();
        try
        {
            return _explanation!.ToJson(_explanation.Ask(_explanation[address], row, column));
        }
        catch (Exception refusal) when (refusal is KeyNotFoundException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Where everything stands.</summary>
    public string State(string? error = null)
    {
        var (setup, network) = (_session.Setup, _session.Network);
        var json = new JsonText().Open('{').Name("error").Value(error).Name("note").Value(_note).Name("network").Value(setup.Network).Name("inputs").Value(network.Inputs)
            .Name("layers").Texts(network.Layers).Name("widths").Open('[');
        _note = null;
        for (var i = 0; i < network.Layers.Count; i++) json.Value((double?)WidthOf(i));
        json.Close(']').Name("loss").Value(network.LossText).Name("data").Value(setup.Data).Name("features").Value(_session.Points.Inputs).Name("classes").Value(_session.Points.Classes)
            .Name("points").Value(_session.Points.Count).Name("seed").Value(setup.Seed).Name("optimizer").Open('{').Name("name").Value(setup.Optimizer.Name).Name("lr").Value(setup.Optimizer.LearningRate).Name("settings").Open('{');
        foreach (var name in setup.Optimizer.Names) json.Name(name).Value(setup.Optimizer[name]);
        json.Close('}').Close('}').Name("stage").Value((int)_session.Stage).Name("steps").Value(_session.Steps).Name("lossValue").Value(_session.Loss).Name("lastLoss").Value(_session.History.Count > 0 ? _session.History[^1] : null)
            .Name("accuracy").Value(_session.Accuracy()).Name("query").Value(Address.Write(setup)).Name("parameterCount").Value(_session.Model.Parameters.Sum(parameter => parameter.Count))
            .Name("notebook");
        if (_session.IsNotebook) json.Numbers(_session.NotebookGradients());
        else json.Value((string?)null);
        json.Name("parameters").Open('[');
        foreach (var (name, parameter) in _session.Model.NamedParameters())
        {
            if (_session.Model.Parameters.Sum(all => all.Count) > 24) break;
            for (var i = 0; i < parameter.Count; i++)
            {
                var rows = parameter is MatrixParameter<double> matrix ? matrix.Value.RowCount : 1;
                json.Open('[').Value(name).Value(i % rows).Value(i / rows).Value(parameter.Values[i]).Value(parameter is VectorParameter<double>).Close(']');
            }
        }

        return json.Close(']').Close('}').ToString();
    }

    private bool AllowsAnyInput => !_session.Network.Layers.Any(layer => layer.Contains("embedding", StringComparison.Ordinal) || layer.Contains("onehot", StringComparison.Ordinal));

    private double[] Shown(Matrix<double> x)
    {
        try
        {
            return _session.Shown(x);
        }
        catch (ArgumentException)
        {
            return [];      // a layer that takes some numbers only, such as classes
        }
    }

    /// <summary>How many columns a linear layer gives; null for other layers.</summary>
    private int? WidthOf(int index) => (_session.Model.Children[index].Layer as Linear<double>)?.OutFeatures;

    private string Text(IEnumerable<string> layers) => $"{_session.Network.Inputs} {string.Concat(layers.Select(layer => layer + " "))}{_session.Network.LossText}";

    private int ColumnsBefore(int index)
    {
        var columns = _session.Network.Inputs;
        foreach (var child in _session.Model.Children.Take(index)) columns = child.OutputColumns(columns);
        return columns;
    }

    private void Replace(string text)
    {
        var (network, setup) = (NetworkText.Parse<double>(text, new Generator(0), 200_000), _session.Setup);
        setup = setup with { Network = network.ToString(), Start = [] };
        if (network.Inputs != _session.Points.Inputs)
        {
            var data = Array.Find(DataSet.All, known => known.Inputs == network.Inputs && known.Name != "digits")
                ?? throw new PlaygroundException($"The network takes {network.Inputs} features, but there are no such points: data sets have {string.Join(", ", DataSet.All.Select(known => known.Inputs).Distinct())}. For digits, choose the data first.");
            setup = setup with { Data = data.Name, Points = null };
            _note = $"The network takes {network.Inputs} feature{(network.Inputs == 1 ? "" : "s")}, so the points are now: {data.Title}.";
        }

        _session = new(setup);
    }

    private static bool IsSaid(Exception exception) => exception is PlaygroundException or ArgumentException or FormatException or InvalidOperationException or OverflowException or IOException or InvalidDataException or NotSupportedException;

    // Which argument of a constructor it was says nothing to whoever moved a slider. In the browser the framework's own texts are left out, and it has other words for it.
    private static string Said(Exception refusal)
    {
        var message = refusal.Message.Split('\n')[0];
        return refusal is ArgumentException { ParamName: { } name }
            ? message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal).Replace($" Arg_ParamName_Name, {name}", "", StringComparison.Ordinal)
            : message;
    }

    private string Try(Action action, string before = "")
    {
        try
        {
            action();
            return State();
        }
        catch (Exception refusal) when (IsSaid(refusal))
        {
            _note = null;
            return State(before + Said(refusal));
        }
    }
}
