using Backprop.Explain;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Playground;

/// <summary>A network, points, and where its training stands. It knows no browser.</summary>
/// <remarks>What is refused changes nothing: it is tried on a network of its own first.</remarks>
internal sealed class Session
{
    /// <summary>A page that shows every number has room for so many; and an address may come from anybody.</summary>
    private const long MostParameters = 200_000;

    private const int MostPoints = 1000;

    private readonly List<double> _history = [];
    private ForwardPass<double> _pass;
    private Optimizer<double> _optimizer;
    private Matrix<double> _dOutput;
    private double[] _drawn;
    private double _loss;

    /// <summary>Starts from a setup.</summary>
    /// <exception cref="PlaygroundException">It cannot be made, or computes nothing for its points.</exception>
    /// <exception cref="NetworkTextException">The text is no network.</exception>
    /// <exception cref="ArgumentException">A layer or the loss refuses the points, or the optimizer its settings.</exception>
    public Session(Setup setup)
    {
        Points = setup.Points ?? DataSet.Find(setup.Data)!.Make();
        Network = NetworkText.Parse<double>(setup.Network, new Generator(setup.Seed), MostParameters);
        Setup = setup with { Network = Network.ToString() };
        if (Network.Inputs != Points.Inputs) throw new PlaygroundException($"The points have {Points.Inputs} feature{(Points.Inputs == 1 ? "" : "s")}, but the network takes {Network.Inputs}.");
        if (Model.MinTrainingRows > Points.Count) throw new PlaygroundException($"{Setup.Network} needs at least {Model.MinTrainingRows} points to train, but there {(Points.Count == 1 ? "is one" : $"are {Points.Count}")}.");
        Model.FitPreprocessing(Points.X);
        _drawn = Values();
        foreach (var entry in setup.Start) ParameterAt(entry.Parameter, entry.Row, entry.Column)[IndexIn(entry)] = entry.Value;
        _optimizer = MakeOptimizer(setup.Optimizer);
        _pass = Model.NewPass();
        (Target, _dOutput) = (null!, null!);
        Admit(Points);
    }

    /// <summary>What this started from, with all that was changed by hand since.</summary>
    public Setup Setup { get; private set; }

    public ParsedNetwork<double> Network { get; }

    public Sequential<double> Model => Network.Model;

    public Points Points { get; private set; }

    /// <summary>The targets as the loss wants them: numbers, classes, or a column for each class.</summary>
    public Matrix<double> Target { get; private set; }

    public Stage Stage { get; private set; }

    /// <summary>Steps since the start.</summary>
    public int Steps { get; private set; }

    /// <summary>The loss at the current parameters, where it was computed.</summary>
    public double? Loss => Stage >= Stage.Loss ? _loss : null;

    /// <summary>The loss before each step.</summary>
    public IReadOnlyList<double> History => _history;

    /// <summary>The outputs; null before they are computed.</summary>
    public Matrix<double>? Output => Stage >= Stage.Forward ? _pass.Output : null;

    /// <summary>Whether it is the network that the notebook has, whatever its numbers.</summary>
    public bool IsNotebook => Setup.Network == "1-1-1 sigmoid mse";

    /// <summary>Computes the outputs.</summary>
    public void Forward()
    {
        if (Stage >= Stage.Forward) return;
        Model.Forward(Points.X, _pass);
        Stage = Stage.Forward;
    }

    /// <summary>Computes the loss, and the outputs before it.</summary>
    public void ComputeLoss()
    {
        if (Stage >= Stage.Loss) return;
        Forward();
        _loss = Network.Loss.Forward(_pass.Output, Target);
        Stage = Stage.Loss;
    }

    /// <summary>Computes the gradients, and all before them.</summary>
    public void Backward()
    {
        if (Stage >= Stage.Backward) return;
        ComputeLoss();
        _optimizer.ZeroGradients();
        Model.Backward(_pass, Network.Loss.Backward(_pass.Output, Target, _dOutput));
        Stage = Stage.Backward;
    }

    /// <summary>Moves the parameters, by gradients that are computed first where they are not there.</summary>
    public void Update()
    {
        Backward();
        _history.Add(_loss);
        _optimizer.Step();
        Steps++;
        Stage = Stage.Start;
    }

    /// <summary>Trains.</summary>
    /// <param name="steps">How many steps.</param>
    /// <returns>How many were made: fewer where the loss is not finite any more.</returns>
    public int Train(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            if (Stage == Stage.Start)
            {
                // What Forward, ComputeLoss and Backward do, in as few calls as it can be done.
                var y = Model.Forward(Points.X, _pass);
                _loss = Network.Loss.ForwardBackward(y, Target, _dOutput);
                if (!double.IsFinite(_loss)) return i;
                _optimizer.ZeroGradients();
                Model.AccumulateGradients(_pass, _dOutput);
                Stage = Stage.Backward;
            }

            Update();
        }

        return steps;
    }

    /// <summary>Goes back to where this began.</summary>
    public void Reset()
    {
        var start = new Session(Setup);
        start.Model.CopyTo(Model);
        foreach (var (ours, theirs) in Model.Generators.Zip(start.Model.Generators)) ours.SetState(theirs.GetState());
        _optimizer = MakeOptimizer(Setup.Optimizer);
        Restart();
    }

    /// <summary>Changes an entry of a parameter, of <c>x</c> or of <c>target</c>.</summary>
    /// <exception cref="PlaygroundException">There is no such entry, or the value is not finite.</exception>
    /// <exception cref="ArgumentException">The network or the loss refuses it.</exception>
    public void Set(string address, int row, int column, double value)
    {
        if (!double.IsFinite(value)) throw new PlaygroundException($"{address} should be a finite number, but it is {Signature.Number(value)}.");
        if (address is "x" or "target")
        {
            var columns = address == "x" ? Points.Inputs : Target.ColumnCount;
            if (row < 0 || row >= Points.Count || column < 0 || column >= columns) throw NoEntry(address, row, column);
            if (address == "target" && Target.ColumnCount != 1) throw new PlaygroundException("The target has a column for each class here; change the point's class instead.");
            SetPoints(Points.With(row, address == "x" ? column : Points.Inputs, value));
            return;
        }

        var entry = new StartEntry(address, row, column, value);
        ParameterAt(address, row, column)[IndexIn(entry)] = value;
        Stage = Stage.Start;
        TakeStart();
    }

    /// <summary>Changes the points.</summary>
    /// <exception cref="PlaygroundException">There are none, or too many, or a class that is none.</exception>
    /// <exception cref="ArgumentException">The network or the loss refuses them; the old ones stay.</exception>
    public void SetPoints(Points points)
    {
        if (points.Count is 0 or > MostPoints) throw new PlaygroundException($"There should be 1 to {MostPoints} points, but there would be {points.Count}.");
        if (points.Count < Model.MinTrainingRows) throw new PlaygroundException($"{Setup.Network} needs at least {Model.MinTrainingRows} points to train.");
        if (points.Classes > 0 && points.Y.Enumerate().Any(y => y < 0 || y >= points.Classes || y != Math.Floor(y))) throw new PlaygroundException($"A class should be a whole number from 0 to {points.Classes - 1}.");
        Admit(points);
        Setup = Setup with { Data = "points", Points = points };
    }

    /// <summary>Changes a setting of the optimizer: <c>lr</c>, <c>momentum</c>.</summary>
    /// <exception cref="ArgumentException">The optimizer refuses it.</exception>
    public void SetOptimizer(string setting, double value)
    {
        var settings = Setup.Optimizer.With(setting, value);
        var trial = MakeOptimizer(settings);
        // The learning rate may change on the way; with other settings, what the optimizer kept would mean nothing.
        if (setting == "lr") _optimizer.LearningRate = value;
        else _optimizer = trial;
        Setup = Setup with { Optimizer = settings };
    }

    /// <summary>Goes on with another optimizer.</summary>
    /// <exception cref="PlaygroundException">There is none of this name.</exception>
    public void ChangeOptimizer(OptimizerSettings settings)
    {
        _optimizer = MakeOptimizer(settings);
        Setup = Setup with { Optimizer = settings };
    }

    /// <summary>Saves the parameters, as safetensors.</summary>
    public byte[] Save()
    {
        using var stream = new MemoryStream();
        Model.Save(stream);
        return stream.ToArray();
    }

    /// <summary>Loads parameters that were saved.</summary>
    /// <exception cref="Exception">The file is none, or another network's; nothing is changed.</exception>
    public void Load(byte[] file)
    {
        using (var stream = new MemoryStream(file)) Model.Load(stream, convert: true);
        _optimizer = MakeOptimizer(Setup.Optimizer);
        Restart();
        TakeStart();
    }

    /// <summary>All values of all parameters, one after the other as a file has them.</summary>
    public double[] Values() => [.. Model.NamedParameters().SelectMany(named => Entries(named.Parameter))];

    /// <summary>What a class is most like, a probability, or the number itself: as plots show outputs.</summary>
    public double[] Shown(Matrix<double> x)
    {
        var y = Model.Forward(x);
        if (Points.Classes == 0) return [.. y.Column(0)];
        if (y.ColumnCount == 1) return [.. Network.Loss is BCEWithLogitsLoss<double> ? new Sigmoid<double>().Forward(y).Column(0) : y.Column(0)];
        if (y.ColumnCount == 2) return [.. Network.Loss switch { CrossEntropyLoss<double> => new Softmax<double>().Forward(y).Column(1), NLLLoss<double> => y.Column(1).Map(Math.Exp), _ => y.Column(1) }];
        return [.. y.EnumerateRows().Select(row => (double)row.MaximumIndex())];
    }

    /// <summary>The part of the points whose class is found; null where there are no classes.</summary>
    public double? Accuracy()
    {
        if (Points.Classes == 0) return null;
        var (shown, right) = (Shown(Points.X), 0);
        var isClass = Model.OutputColumns(Points.Inputs) > 2;
        for (var i = 0; i < shown.Length; i++)
            if ((isClass ? shown[i] : shown[i] > 0.5 ? 1 : 0) == Points.Y[i, 0]) right++;
        return (double)right / shown.Length;
    }

    /// <summary>The gradients of the hidden weight and the hidden bias: by the chain rule, and as the notebook's code computes them, through the hidden weight where the output weight belongs.</summary>
    public double[] NotebookGradients()
    {
        if (!IsNotebook) throw new PlaygroundException("Only the notebook's network, 1-1-1 sigmoid mse, has what the notebook hid.");
        var twin = Model.Clone();
        var (pass, hidden) = (twin.NewPass(), twin.Get<Linear<double>>("hidden"));
        var dY = Network.Loss.Backward(twin.Forward(Points.X, pass), Target);
        twin.Backward(pass, dY);
        double[] right = [hidden.Weight.Gradient[0, 0], hidden.Bias!.Gradient[0]];
        foreach (var parameter in hidden.Parameters) parameter.ZeroGradient();
        // dy_hatdz1 = model.hidden.weight.item(), and from there on by the chain rule.
        pass["hidden"].Backward(pass["activation"].Backward(dY * hidden.Weight.Value)!);
        return [.. right, hidden.Weight.Gradient[0, 0], hidden.Bias.Gradient[0]];
    }

    private static IEnumerable<double> Entries(Parameter<double> parameter) => parameter switch
    {
        MatrixParameter<double> matrix => matrix.Value.EnumerateRows().SelectMany(row => row),
        VectorParameter<double> vector => vector.Value,
        _ => parameter.Values.ToArray(),
    };

    private static PlaygroundException NoEntry(string address, int row, int column) => new($"There is no entry {address}[{row}, {column}].");

    private void Restart()
    {
        (Steps, Stage) = (0, Stage.Start);
        _history.Clear();
    }

    private Optimizer<double> MakeOptimizer(OptimizerSettings settings) => Model.Parameters.Count > 0
        ? settings.Make(Model.Parameters)
        : settings.Make(new Linear<double>(1, 1).Parameters);   // it moves nothing, and a network without parameters can still be looked at

    /// <summary>Takes points for which loss and gradient can be computed.</summary>
    private void Admit(Points points)
    {
        var model = Model.Clone();
        var pass = model.NewPass();
        var target = TargetOf(points, Network.Loss, Model.OutputColumns(points.Inputs));
        var y = model.Forward(points.X, pass);
        var dY = Network.Loss.Backward(y, target);
        _ = Network.Loss.Forward(y, target);
        model.Backward(pass, dY);
        (Points, Target, _dOutput, Stage) = (points, target, Matrix<double>.Build.Dense(dY.RowCount, dY.ColumnCount), Stage.Start);
    }

    private static Matrix<double> TargetOf(Points points, Loss<double> loss, int outputs)
    {
        if (loss is CrossEntropyLoss<double> or NLLLoss<double>)
        {
            if (points.Classes == 0) throw new PlaygroundException($"{loss} tells classes apart, but the targets are numbers.");
            return outputs >= points.Classes ? points.Y : throw new PlaygroundException($"{loss} expects an output for each of the {points.Classes} classes, but there {(outputs == 1 ? "is" : "are")} {outputs}.");
        }

        if (loss is GaussianNLLLoss<double>) return outputs == 2 ? points.Y : throw new PlaygroundException($"{loss} expects two outputs, a mean and a variance, but there {(outputs == 1 ? "is" : "are")} {outputs}.");
        if (outputs == 1) return points.Y;
        if (outputs == points.Classes) return Matrix<double>.Build.Dense(points.Count, outputs, (i, j) => points.Y[i, 0] == j ? 1 : 0);
        throw new PlaygroundException(points.Classes > 0
            ? $"The network should have one output or {points.Classes}, one for each class, but it has {outputs}."
            : $"The network should have one output, as there is one target, but it has {outputs}.");
    }

    private Parameter<double> ParameterNamed(string name) => Model.NamedParameters().FirstOrDefault(named => named.Name == name)?.Parameter
        ?? throw new PlaygroundException($"There is no parameter \"{name}\"; there is: {string.Join(", ", Model.NamedParameters().Select(named => named.Name))}.");

    private Span<double> ParameterAt(string name, int row, int column)
    {
        var parameter = ParameterNamed(name);
        var (rows, columns) = Shape(parameter);
        return row >= 0 && row < rows && column >= 0 && column < columns ? parameter.Values : throw NoEntry(name, row, column);
    }

    private int IndexIn(StartEntry entry) => entry.Column * Shape(ParameterNamed(entry.Parameter)).Rows + entry.Row;

    private static (int Rows, int Columns) Shape(Parameter<double> parameter) => parameter is MatrixParameter<double> matrix ? (matrix.Value.RowCount, matrix.Value.ColumnCount) : (1, parameter.Count);

    /// <summary>The parameters are changed by hand: from here on, this is the start.</summary>
    private void TakeStart()
    {
        var (values, start, at) = (Values(), new List<StartEntry>(), 0);
        foreach (var (name, parameter) in Model.NamedParameters())
        {
            var (rows, columns) = Shape(parameter);
            for (var i = 0; i < rows; i++)
                for (var j = 0; j < columns; j++, at++)
                    if (values[at] != _drawn[at]) start.Add(new(name, i, j, values[at]));
        }

        Setup = Setup with { Start = start };
    }
}
