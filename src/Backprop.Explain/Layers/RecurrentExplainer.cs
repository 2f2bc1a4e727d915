using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="RNN{T}"/>, <see cref="GRU{T}"/> and <see cref="LSTM{T}"/>: each gate of each step by name, forward, and back through time.</summary>
/// <remarks>Of several layers or directions each has names of its own, with PyTorch's endings: <c>f_l1_reverse</c>. Long sequences are left to the layer's own backward pass.</remarks>
internal sealed class RecurrentExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // What is defined by the step before is computed by way of it, all the way down.
    private const int MostSteps = 64;

    public override bool Explains(Layer<T> layer) => layer is Recurrent<T>;

    public override void Explain(Place<T> at)
    {
        var layer = (Recurrent<T>)at.Layer;
        if (layer.Steps > MostSteps) return;
        var (directions, h) = (layer.Bidirectional ? 2 : 1, layer.HiddenSize);
        var (levels, masks) = (new List<Track[]>(), new List<Quantity?>());
        for (var level = 0; level < layer.NumLayers; level++)
        {
            // The input of a layer: x, or the outputs below side by side, some of them dropped.
            var (below, dropped) = level == 0 ? (null, null) : (levels[^1], masks[^1]);
            Func<int, int, Expression> input = below is null ? (r, j) => at.Input[r, j] : (r, j) => Masked(below[j / h].Output(r, j % h), dropped, r, j);
            masks.Add(((RecurrentPass<T>)at.Pass).DropoutMask(level) is { } mask ? at.Keep($"mask_l{Numbers.Of(level)}", mask.RowCount, mask.ColumnCount, mask.AsColumnMajorArray(), $"M_l{Numbers.Of(level)}") : null);
            var isLast = level == layer.NumLayers - 1;
            levels.Add([.. Enumerable.Range(0, directions).Select(direction => new Track(at, layer, level, direction, input, level == 0 ? at.Input.Columns : directions * h, isLast))]);
        }

        var top = levels[^1];
        at.Rule(at.Output, Equal(Symbol("y", "tk"), top[0].Formula), (r, k) => top[k / h].ByFormula(r, k % h), "h of each step; before the first one there was 0." + (directions == 2 ? " The reverse direction's units stand behind the others." : ""));
        if (at.OutputGradient is not { } dY) return;

        Func<int, int, Expression> above = (r, k) => dY[r, k];
        for (var level = levels.Count - 1; level >= 0; level--)
        {
            var tracks = levels[level];
            var dOutput = above;
            for (var direction = 0; direction < directions; direction++)
            {
                var first = direction * h;
                tracks[direction].Back((r, k) => dOutput(r, first + k));
            }

            var dropped = level == 0 ? null : masks[level - 1];
            above = (r, j) => Masked(tracks.Length == 1 ? tracks[0].ToInput(r, j) : tracks[0].ToInput(r, j) + tracks[1].ToInput(r, j), dropped, r, j);
        }

        at.Rule(at.InputGradient, Equal(Symbol("dX", "tj"), SumOver("k", Symbol("da", "tk") * Symbol("W_ih", "kj"))), above, "Each step hands back what its gates ask for.");
    }

    private static Expression Masked(Expression value, Quantity? mask, int row, int column) => mask is null ? value : value * mask[row, column];

    /// <summary>One layer in one direction.</summary>
    private sealed class Track
    {
        private readonly Place<T> _at;
        private readonly Recurrent<T> _layer;
        private readonly int _h, _columns, _direction;
        private readonly string _ending;
        private readonly Func<int, int, Expression> _input;
        private readonly Quantity _wIH, _wHH;
        private readonly Quantity? _bIH, _bHH, _c;
        private readonly Quantity[] _gates;
        private readonly Quantity? _ofH, _hidden;
        private Quantity[] _dGates = [];
        private Quantity? _dOfH;

        public Track(Place<T> at, Recurrent<T> layer, int level, int direction, Func<int, int, Expression> input, int columns, bool isLast)
        {
            (_at, _layer, _h, _columns, _direction, _input) = (at, layer, layer.HiddenSize, columns, direction, input);
            var index = level * (layer.Bidirectional ? 2 : 1) + direction;
            var full = $"_l{Numbers.Of(level)}{(direction == 1 ? "_reverse" : "")}";
            _ending = layer.NumLayers == 1 && !layer.Bidirectional ? "" : full;
            (_wIH, _wHH) = (at.Parameter(layer.WeightsIH[index], $"W_ih{_ending}"), at.Parameter(layer.WeightsHH[index], $"W_hh{_ending}"));
            if (layer.BiasesIH.Count > 0) (_bIH, _bHH) = (at.Parameter(layer.BiasesIH[index], $"b_ih{_ending}"), at.Parameter(layer.BiasesHH[index], $"b_hh{_ending}"));

            // What a unit is made of, gate by gate: x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh
            switch (layer)
            {
                case LSTM<T>:
                    _gates = new Quantity[4];
                    for (var gate = 0; gate < 4; gate++) _gates[gate] = Gate(gate, "ifgo"[gate], gate == 2 ? Tanh : Sigmoid);
                    _c = Define("c", S("f") * Symbol("c", "(t-1)k") + S("i") * S("g"), (r, k) => Before(r) is int before ? _gates[1][r, k] * _c![before, k] + _gates[0][r, k] * _gates[2][r, k] : _gates[0][r, k] * _gates[2][r, k]);
                    (Formula, ByFormula) = (S("o") * Tanh(S("c")), (r, k) => _gates[3][r, k] * Tanh(_c[r, k]));
                    break;
                case GRU<T>:
                    _gates = new Quantity[3];
                    for (var gate = 0; gate < 2; gate++) _gates[gate] = Gate(gate, "rz"[gate], Sigmoid);
                    _ofH = Define("q", SumOver("m", Symbol("h", "(t-1)m") * Symbol("W_hn", "km")) + Symbol("b_hn", "k"), (r, k) => OfHidden(r, 2 * _h + k) ?? 0);
                    _gates[2] = Define("n", Tanh(SumOver("j", Symbol("x", "tj") * Symbol("W_in", "kj")) + Symbol("b_in", "k") + S("r") * S("q")), (r, k) => Tanh(OfInput(r, 2 * _h + k) + _gates[0][r, k] * _ofH![r, k]));
                    (Formula, ByFormula) = ((1 - S("z")) * S("n") + S("z") * Symbol("h", "(t-1)k"),
                        (r, k) => HBefore(r, k) is { } h ? (1 - _gates[1][r, k]) * _gates[2][r, k] + _gates[1][r, k] * h : (1 - _gates[1][r, k]) * _gates[2][r, k]);
                    break;
                default:
                    _gates = [];
                    var sum = SumOver("j", Symbol("x", "tj") * Symbol("W_ih", "kj")) + Symbol("b_ih", "k") + SumOver("m", Symbol("h", "(t-1)m") * Symbol("W_hh", "km")) + Symbol("b_hh", "k");
                    var isReLU = ((RNN<T>)layer).Nonlinearity == RecurrentNonlinearity.ReLU;
                    (Formula, ByFormula) = (isReLU ? Max(sum, 0) : Tanh(sum), (r, k) => isReLU ? Max(Whole(r, k), 0) : Tanh(Whole(r, k)));
                    break;
            }

            // The last layer's h is the output.
            if (!isLast) _hidden = Define("h", Formula, ByFormula);
        }

        /// <summary>h in symbols.</summary>
        public Expression Formula { get; }

        /// <summary>h of a row and unit, by its formula.</summary>
        public Func<int, int, Expression> ByFormula { get; }

        /// <summary>h of a row and unit, by its name.</summary>
        public Entry Output(int row, int unit) => _hidden is null ? _at.Output[row, _direction * _h + unit] : _hidden[row, unit];

        /// <summary>The rules of the way back.</summary>
        /// <param name="dOutput">What comes to h of a row and unit from the layer above.</param>
        public void Back(Func<int, int, Expression> dOutput)
        {
            Quantity dH = null!, dC = null!;
            // dh_t = dY_t + Σ da_(t+1) W_hh, and what a cell hands on besides
            var back = Symbol("dY", "tk") + SumOver("m", Symbol("da", "(t+1)m") * Symbol("W_hh", "mk"));
            switch (_layer)
            {
                case LSTM<T>:
                    var (i, f, g, o) = (_gates[0], _gates[1], _gates[2], _gates[3]);
                    dH = Define("h.grad", back, (r, k) => Later(r, k, dOutput), "dh");
                    dC = Define("c.grad", S("dh") * S("o") * (1 - Power(Tanh(S("c")), 2)) + Symbol("dc", "(t+1)k") * Symbol("f", "(t+1)k"), (r, k) =>
                    {
                        var by = dH[r, k] * o[r, k] * (1 - Power(Tanh(_c![r, k]), 2));
                        return After(r) is int after ? by + dC[after, k] * f[after, k] : by;
                    }, "dc");
                    _dGates =
                    [
                        Define("i.grad", S("dc") * S("g") * S("i") * (1 - S("i")), (r, k) => dC[r, k] * g[r, k] * i[r, k] * (1 - i[r, k]), "di"),
                        Define("f.grad", S("dc") * Symbol("c", "(t-1)k") * S("f") * (1 - S("f")), (r, k) => Before(r) is int before ? dC[r, k] * _c![before, k] * f[r, k] * (1 - f[r, k]) : 0, "df"),
                        Define("g.grad", S("dc") * S("i") * (1 - Power(S("g"), 2)), (r, k) => dC[r, k] * i[r, k] * (1 - Power(g[r, k], 2)), "dg"),
                        Define("o.grad", S("dh") * Tanh(S("c")) * S("o") * (1 - S("o")), (r, k) => dH[r, k] * Tanh(_c![r, k]) * o[r, k] * (1 - o[r, k]), "do"),
                    ];
                    break;
                case GRU<T>:
                    var (reset, update, candidate) = (_gates[0], _gates[1], _gates[2]);
                    dH = Define("h.grad", back + Symbol("dh", "(t+1)k") * Symbol("z", "(t+1)k"), (r, k) => After(r) is int after ? Later(r, k, dOutput) + dH[after, k] * update[after, k] : Later(r, k, dOutput), "dh");
                    var dN = Define("n.grad", S("dh") * (1 - S("z")) * (1 - Power(S("n"), 2)), (r, k) => dH[r, k] * (1 - update[r, k]) * (1 - Power(candidate[r, k], 2)), "dn");
                    _dGates =
                    [
                        Define("r.grad", S("dn") * S("q") * S("r") * (1 - S("r")), (r, k) => dN[r, k] * _ofH![r, k] * reset[r, k] * (1 - reset[r, k]), "dr"),
                        Define("z.grad", S("dh") * (Symbol("h", "(t-1)k") - S("n")) * S("z") * (1 - S("z")),
                            (r, k) => dH[r, k] * (HBefore(r, k) is { } h ? h - candidate[r, k] : -candidate[r, k]) * update[r, k] * (1 - update[r, k]), "dz"),
                        dN,
                    ];
                    _dOfH = Define("q.grad", S("dn") * S("r"), (r, k) => dN[r, k] * reset[r, k], "dq");
                    break;
                default:
                    dH = Define("h.grad", back, (r, k) => Later(r, k, dOutput), "dh");
                    _dGates =
                    [
                        ((RNN<T>)_layer).Nonlinearity == RecurrentNonlinearity.ReLU
                            ? Define("a.grad", Where(new(S("h"), ">", 0), S("dh"), 0), (r, k) => Where(new(Output(r, k), ">", 0), dH[r, k], 0), "da")
                            : Define("a.grad", S("dh") * (1 - Power(S("h"), 2)), (r, k) => dH[r, k] * (1 - Power(Output(r, k), 2)), "da"),
                    ];
                    break;
            }

            // dW_ih = Σ da x      dW_hh = Σ da h_(t-1)      db = Σ da
            var (da, rows) = (Symbol("da", "tk"), _at.Input.Rows);
            _at.Rule(_wIH.Gradient, Equal(Symbol("dW_ih", "kj"), SumOver("t", da * Symbol("x", "tj"))), (k, j) => Sum(rows, r => DGate(r, k) * _input(r, j)), "A weight serves every step of every sequence.");
            _at.Rule(_wHH.Gradient, Equal(Symbol("dW_hh", "km"), SumOver("t", da * Symbol("h", "(t-1)m"))),
                (k, m) => Sum(from r in Enumerable.Range(0, rows) where HBefore(r, m) is not null select DOfHidden(r, k) * HBefore(r, m)!));
            _at.Rule(_bIH?.Gradient, Equal(Symbol("db_ih", "k"), SumOver("t", da)), (_, k) => Sum(rows, r => DGate(r, k)));
            _at.Rule(_bHH?.Gradient, Equal(Symbol("db_hh", "k"), SumOver("t", da)), (_, k) => Sum(rows, r => DOfHidden(r, k)));
        }

        /// <summary>What goes back to the input of a row.</summary>
        public Expression ToInput(int row, int column) => Sum(_dGates.Length * _h, k => DGate(row, k) * _wIH[k, column]);

        private static Symbol S(string name) => (Symbol)Symbol(name, "tk");

        private Quantity Define(string name, Expression formula, Func<int, int, Expression> numbers, string? symbol = null)
        {
            // The ending belongs to the state: h_l0.grad
            var (own, dot) = (name.Split('.')[0], name.Contains('.', StringComparison.Ordinal));
            return _at.Define($"{own}{_ending}{(dot ? ".grad" : "")}", _at.Input.Rows, _h, Equal(Symbol(symbol ?? name, "tk"), formula), numbers, (symbol ?? name) + _ending);
        }

        private Quantity Gate(int gate, char name, Func<Expression, Expression> function) => Define(name.ToString(), function(
            SumOver("j", Symbol("x", "tj") * Symbol($"W_i{name}", "kj")) + Symbol($"b_i{name}", "k") + SumOver("m", Symbol("h", "(t-1)m") * Symbol($"W_h{name}", "km")) + Symbol($"b_h{name}", "k")), (r, k) => function(Whole(r, gate * _h + k)));

        private Expression Whole(int row, int k) => OfHidden(row, k) is { } ofHidden ? OfInput(row, k) + ofHidden : OfInput(row, k);

        private Expression OfInput(int row, int k) => Sum(_columns, j => _input(row, j) * _wIH[k, j]) is var sum && _bIH is not null ? sum + _bIH[k] : sum;

        private Expression? OfHidden(int row, int k)
        {
            var sum = Before(row) is int before ? Sum(_h, m => Output(before, m) * _wHH[k, m]) : null;
            return _bHH is null ? sum : sum is null ? _bHH[k] : sum + _bHH[k];
        }

        private Expression Later(int row, int k, Func<int, int, Expression> dOutput) => After(row) is int after
            ? dOutput(row, k) + Sum(_dGates.Length * _h, m => DOfHidden(after, m) * _wHH[m, k])
            : dOutput(row, k);

        private Entry DGate(int row, int k) => _dGates[k / _h][row, k % _h];

        // The GRU's last gate takes h's part by itself.
        private Entry DOfHidden(int row, int k) => _dOfH is not null && k >= 2 * _h ? _dOfH[row, k - 2 * _h] : DGate(row, k);

        private Entry? HBefore(int row, int k) => Before(row) is int before ? Output(before, k) : null;

        private int? Before(int row) => _direction == 0 ? (row % _layer.Steps == 0 ? null : row - 1) : row % _layer.Steps == _layer.Steps - 1 ? null : row + 1;

        private int? After(int row) => _direction == 0 ? (row % _layer.Steps == _layer.Steps - 1 ? null : row + 1) : row % _layer.Steps == 0 ? null : row - 1;
    }
}
