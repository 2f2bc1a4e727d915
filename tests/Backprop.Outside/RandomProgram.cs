using System.Globalization;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Outside;

/// <summary>A program over the public API that a seed draws: it builds networks of everything there is and of layers that misbehave, shares, nests, reuses and resizes, and goes on after each refusal.</summary>
/// <remarks>Whatever it does, it may end in an exception of the kinds that are documented, and in nothing else: not in another exception, and not with the process.</remarks>
internal sealed class RandomProgram
{
    private readonly Random _random;
    private readonly List<Layer<double>> _layers = [];
    private readonly List<(Layer<double> Layer, ForwardPass<double> Pass)> _passes = [];
    private readonly List<Matrix<double>> _matrices = [];
    private Matrix<double>? _kept;

    private RandomProgram(int seed) => _random = new(seed);

    /// <summary>Runs the program; returns how many of its calls were refused.</summary>
    public static (int Calls, int Refused) Run(int seed)
    {
        var program = new RandomProgram(seed);
        int calls = 5 + program._random.Next(40), refused = 0;
        for (var call = 0; call < calls; call++)
        {
            try
            {
                program.Step();
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or KeyNotFoundException or NotSupportedException or NotFiniteNumberException or InvalidDataException)
            {
                refused++;
            }
        }

        return (calls, refused);
    }

    private void Step()
    {
        switch (_random.Next(14))
        {
            case 0 or 1 or 2: _layers.Add(NewLayer()); break;
            case 3: NewContainer(); break;
            case 4 when Pick(_layers) is Sequential<double> sequential && Pick(_layers) is { } more && Size(more) + Size(sequential) < 40: sequential.Add(more); break;    // grows under the passes it has
            case 5 when Pick(_layers) is { } layer: _passes.Add((layer, layer.NewPass(_random.Next(3) > 0))); break;
            case 6 or 7 or 8 when _passes.Count > 0: Use(); break;
            case 9 when Pick(_layers) is { } layer: _matrices.Add(layer.Forward(NewMatrix())); break;
            case 10 when Pick(_layers) is { } layer && Size(layer) < 12: GradientCheck.Run(layer, NewMatrix(rows: 1 + _random.Next(4)), checkInput: _random.Next(2) == 0); break;
            case 11 when Pick(_layers) is { Parameters.Count: > 0 } layer: Train(layer); break;
            case 12 when Pick(_layers) is { } layer: Files(layer); break;
            case 13 when Pick(_passes).Pass is { Steps.Count: > 0 } pass: _passes.Add((pass.Steps[0].Layer, pass.Steps[_random.Next(pass.Steps.Count)])); break;    // a step on its own, perhaps with another layer
            default: NewLoss().Backward(NewMatrix(), NewMatrix()); break;
        }
    }

    private Layer<double> NewLayer()
    {
        int a = 1 + _random.Next(9), b = 1 + _random.Next(9);
        return _random.Next(20) switch
        {
            0 or 1 or 2 => new Linear<double>(a, b),
            3 => new BatchNorm1d<double>(a),
            4 => new LayerNorm<double>(a),
            5 => new Softmax<double>(),
            6 => new Dropout<double>(0.5, new Generator(1)),
            7 => new Embedding<double>(a, b),
            8 => new PReLU<double>(_random.Next(2) == 0 ? 1 : a),
            9 => new GELU<double>(),
            10 => new RMSNorm<double>(a),
            11 when Pick(_layers.OfType<Linear<double>>().ToList()) is { } tied => new Linear<double>(tied.Weight, tied.Bias),
            12 => new Columns<double>(_random.Next(4), a),
            13 => new OneHot<double>([a - 1, 0], allowUnknown: b > 3),
            14 => new Impute<double>(a, ImputeStrategy.Constant, addIndicator: b > 4),
            15 => Fitted(new Standardize<double>(a, allowConstant: true)),
            _ => new Misbehaving(this, _random.Next(12), _random.Next(12), _random.Next(4)),
        };
    }

    private Standardize<double> Fitted(Standardize<double> layer)
    {
        if (_random.Next(4) > 0) layer.Fit(NewMatrix(columns: layer.NumFeatures));
        return layer;
    }

    private void NewContainer()
    {
        if (Pick(_layers) is not { } first || Size(first) > 20) return;
        switch (_random.Next(6))
        {
            case 0 or 1: _layers.Add(new Residual<double>(first)); break;
            case 2: Fill(new Concat<double>(), (concat, next) => concat.Add(next)); break;
            case 3: Fill(new Sum<double>(), (sum, next) => sum.Add(next)); break;
            default: Fill(new Sequential<double>(), (sequential, next) => sequential.Add(next)); break;
        }

        void Fill<TLayer>(TLayer container, Action<TLayer, Layer<double>> add) where TLayer : Layer<double>
        {
            _layers.Add(container);
            for (var i = _random.Next(5); i >= 0; i--)
                if ((i == 0 ? first : Pick(_layers)!) is var next && Size(next) + Size(container) < 40) add(container, next);
        }
    }

    private void Use()
    {
        var (layer, pass) = Pick(_passes);
        switch (_random.Next(6))
        {
            case 0: _matrices.Add(layer.Forward(NewMatrix(), pass)); break;
            case 1: _matrices.Add(pass.Forward(NewMatrix())); break;
            case 2: _matrices.Add(layer.Backward(pass, NewMatrix())); break;
            case 3: pass.Backward(NewMatrix(), _random.Next(2) == 0); break;
            case 4:
                // What fits, so that the kernels are reached, too.
                var y = layer.Forward(NewMatrix(columns: layer.InputColumns), pass);
                layer.Backward(pass, Matrix<double>.Build.Dense(y.RowCount, y.ColumnCount, 0.5));
                break;
            default: pass.NewOutput(_random.Next(3) - 1, _random.Next(1 << 20)); break;
        }
    }

    private void Train(Layer<double> model)
    {
        var rows = 2 + _random.Next(40);
        var x = NewMatrix(rows, model.InputColumns);
        var trainer = new Trainer<double>(model, NewLoss(), new Adam<double>(model.Parameters), new Batches<double>(x, NewMatrix(rows), 1 + _random.Next(9), new Generator(2)));
        trainer.Fit(2, progress =>
        {
            if (_random.Next(9) == 0) Step();       // a callback that does anything
            if (_random.Next(9) == 0) trainer.Stop();
        });
    }

    private void Files(Layer<double> model)
    {
        using var stream = new MemoryStream();
        model.Save(stream);
        var bytes = stream.ToArray();
        if (bytes.Length > 0 && _random.Next(2) == 0) bytes[_random.Next(bytes.Length)] ^= (byte)(1 << _random.Next(8));
        (Pick(_layers) ?? model).Load(new MemoryStream(bytes, 0, _random.Next(3) == 0 ? _random.Next(bytes.Length) : bytes.Length), strict: _random.Next(2) == 0);
    }

    private Loss<double> NewLoss() => _random.Next(6) switch
    {
        5 => new CombinedLoss<double>(new("a", new MSELoss<double>(), .._random.Next(1, 4), .._random.Next(1, 4)), new("b", new CrossEntropyLoss<double>(), ^2.., ^1.., _random.Next(3) - 1)),
        0 => new CrossEntropyLoss<double>(ignoreIndex: _random.Next(3) - 1),
        1 => new BCEWithLogitsLoss<double>(),
        2 => new SmoothL1Loss<double>(),
        3 => new GaussianNLLLoss<double>(),
        _ => new MSELoss<double>(),
    };

    private Matrix<double> NewMatrix(int? rows = null, int? columns = null)
    {
        if (rows is null && columns is null && _random.Next(3) == 0 && _matrices.Count > 0) return Pick(_matrices)!;
        int n = rows ?? (_random.Next(8) == 0 ? 500 + _random.Next(1500) : _random.Next(20)), m = columns ?? _random.Next(10);
        return _random.Next(12) switch
        {
            0 => null!,
            1 => Matrix<double>.Build.Sparse(n, m),
            2 => Matrix<double>.Build.Dense(n, m, double.NaN),
            3 => Matrix<double>.Build.Dense(n, m, (i, j) => (i + j) % 4),
            _ => Matrix<double>.Build.Dense(n, m, (_, _) => _random.NextDouble() - 0.5),
        };
    }

    // Networks that share layers in layers grow beyond measure, and a program must end.
    private static int Size(Layer<double> layer) => 1 + layer.Children.Sum(child => Size(child.Layer));

    private TItem? Pick<TItem>(List<TItem> items) => items.Count == 0 ? default : items[_random.Next(items.Count)];

    /// <summary>Returns what no layer may: nothing, too little, too much, what is sparse, what it kept, what is another's.</summary>
    private sealed class Misbehaving(RandomProgram program, int forward, int backward, int declared) : Layer<double>
    {
        public override int OutputColumns(int inputColumns) => declared switch { 0 => inputColumns / 2, 1 => inputColumns + program._random.Next(3), 2 when forward == 3 => -1, _ => inputColumns };

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Misbehaving({forward}, {backward}, {declared})");

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => Return(forward, x, pass, pass.NewOutput)!;

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => Return(backward, dY, pass, (_, _) => pass.NewInputGradient());

        private Matrix<double>? Return(int deed, Matrix<double> given, ForwardPass<double> pass, Func<int, int, Matrix<double>> room) => deed switch
        {
            0 => null,
            1 => Matrix<double>.Build.Dense(given.RowCount, given.ColumnCount / 2),
            2 => Matrix<double>.Build.Dense(given.RowCount + 1, given.ColumnCount),
            3 => Matrix<double>.Build.Sparse(given.RowCount, given.ColumnCount),
            4 => program._kept ??= given.Clone(),
            5 => program.Pick(program._matrices),
            6 => given.Transpose(),
            7 => room(given.RowCount, given.ColumnCount / 2),
            8 when program._passes.Count > 0 && !ReferenceEquals(program._passes[0].Pass, pass) => program._passes[0].Pass.Forward(given),
            9 => throw new InvalidOperationException("on purpose"),
            10 => pass.Forward(given),      // itself
            _ => given,
        };
    }
}
