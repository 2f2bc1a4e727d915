using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="ScaledDotProductAttention{T}"/>: who looks at whom, and the four paths back; and the projections that <see cref="MultiheadAttention{T}"/> puts before it.</summary>
internal sealed class AttentionExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is ScaledDotProductAttention<T> or MultiheadAttention<T>;

    public override void Explain(Place<T> at)
    {
        if (at.Layer is MultiheadAttention<T> heads) Project(at, heads);
        else Attend(at, (ScaledDotProductAttention<T>)at.Layer);
    }

    private static void Project(Place<T> at, MultiheadAttention<T> layer)
    {
        var (x, w, attention) = (at.Input, at.Parameter(layer.InProjWeight, "W"), at.Children.First(child => ReferenceEquals(child.Layer, layer.Attention)));
        var b = layer.InProjBias is null ? null : at.Parameter(layer.InProjBias, "b");
        var (p, dP) = (at.Named("p", attention.Input), attention.InputGradient);
        var product = SumOver("j", Symbol("x", "tj") * Symbol("W", "kj"));

        // [Q K V] = x W^T + b      dX = d[Q K V] W      dW = d[Q K V]^T x      db = sum over rows of d[Q K V]
        at.Rule(p, Equal(Symbol("p", "tk"), b is null ? product : product + Symbol("b", "k")), (t, k) => Sum(x.Columns, j => x[t, j] * w[k, j]) is var sum && b is not null ? sum + b[k] : sum,
            "Queries, keys and values stand side by side.");
        if (dP is null) return;
        var dp = Symbol("dp", "tk");
        at.Named("dp", dP);
        at.Rule(at.InputGradient, Equal(Symbol("dX", "tj"), SumOver("k", dp * Symbol("W", "kj"))), (t, j) => Sum(w.Rows, k => dP[t, k] * w[k, j]), "By way of queries, keys and values.");
        at.Rule(w.Gradient, Equal(Symbol("dW", "kj"), SumOver("t", dp * Symbol("x", "tj"))), (k, j) => Sum(x.Rows, t => dP[t, k] * x[t, j]));
        at.Rule(b?.Gradient, Equal(Symbol("db", "k"), SumOver("t", dp)), (_, k) => Sum(x.Rows, t => dP[t, k]));
    }

    private static void Attend(Place<T> at, ScaledDotProductAttention<T> layer)
    {
        var (x, y, dY, e, d) = (at.Input, at.Output, at.OutputGradient, layer.EmbedDim, layer.EmbedDim / layer.NumHeads);
        var steps = Math.Min(layer.MaxSteps, x.Rows);
        var columns = layer.NumHeads * steps;
        var scale = 1 / Math.Sqrt(d);
        Quantity? weight = null;
        // In the row t of a sequence, the head h has columns of its own, in the queries, the keys and the values; the columns h T + s of scores and weights are how it looks at the step s.
        var turn = layer.RotaryBase is double @base ? new Turn(at, steps, d, @base) : null;
        var (query, key) = (turn?.Forward(x, "queries", "q", e, 0), turn?.Forward(x, "keys", "k", e, e));
        Entry Query(int t, int h, int k) => query is null ? x[t, h * d + k] : query[t, h * d + k];
        Entry Key(int t, int h, int k) => key is null ? x[t, e + h * d + k] : key[t, h * d + k];
        Entry Value(int t, int h, int k) => x[t, 2 * e + h * d + k];
        int First(int t) => t - t % steps;
        // Those that a step sees, as rows of x.
        IEnumerable<int> Seen(int t) => Enumerable.Range(First(t), layer.Causal ? t % steps + 1 : steps);
        IEnumerable<int> SeenBy(int s) => layer.Causal ? Enumerable.Range(s, steps - s % steps) : Enumerable.Range(First(s), steps);
        bool Sees(int t, int column) => !layer.Causal || column % steps <= t % steps;
        int ColumnOf(int s, int h) => h * steps + s % steps;

        // S = Q K^T / √d      A = softmax(S)      y = A V
        var mask = Mask(at, layer, steps);
        var (sScore, sWeight, sMask) = (Symbol("S", "ts"), Symbol("A", "ts"), Symbol("M", "ts"));
        var sUsed = mask is null ? sWeight : sWeight * sMask;
        Expression Used(int t, int column) => mask is null ? weight![t, column] : weight![t, column] * mask[t, column];
        var note = layer.Causal ? "A step sees itself and those before it." : null;
        var score = at.Define("scores", x.Rows, columns, Equal(sScore, SumOver("k", Symbol("q", "tk") * Symbol("k", "sk")) / Sqrt(Symbol("d"))),
            (t, column) => Sees(t, column) ? Sum(d, k => Query(t, column / steps, k) * Key(First(t) + column % steps, column / steps, k)) * scale : double.NegativeInfinity, "S");
        var greatest = at.Define("greatest", x.Rows, layer.NumHeads, Equal(Symbol("m", "t"), Max(Symbol("S", "t1"), Symbol("S", "t2"), Symbol("...", ""))), (t, h) => Max([.. Seen(t).Select(s => score[t, ColumnOf(s, h)])]), "m");
        var total = at.Define("total", x.Rows, layer.NumHeads, Equal(Symbol("z", "t"), SumOver("s", Exp(sScore - Symbol("m", "t")))), (t, h) => Sum(Seen(t).Select(s => Exp(score[t, ColumnOf(s, h)] - greatest[t, h]))), "z");
        weight = at.Define("weights", x.Rows, columns, Equal(sWeight, Exp(sScore - Symbol("m", "t")) / Symbol("z", "t")),
            (t, column) => Sees(t, column) ? Exp(score[t, column] - greatest[t, column / steps]) / total[t, column / steps] : 0, "A");
        at.Rule(y, Equal(Symbol("y", "tk"), SumOver("s", sUsed * Symbol("v", "sk"))), (t, column) => Sum(Seen(t).Select(s => Used(t, ColumnOf(s, column / d)) * Value(s, column / d, column % d))), note);
        if (at.InputGradient is null) return;

        // dA = dY V^T      dS = A (dA - Σ A dA)      dQ = dS K / √d      dK = dS^T Q / √d      dV = A^T dY
        var dWeight = at.Define("weights.grad", x.Rows, columns, Equal(Symbol("dA", "ts"), SumOver("k", Symbol("dY", "tk") * Symbol("v", "sk")) is var sValue && mask is null ? sValue : sMask * sValue), (t, column) =>
        {
            if (!Sees(t, column)) return 0;
            var sum = Sum(d, k => dY![t, column / steps * d + k] * Value(First(t) + column % steps, column / steps, k));
            return mask is null ? sum : mask[t, column] * sum;
        }, "dA");
        var dScore = at.Define("scores.grad", x.Rows, columns, Equal(Symbol("dS", "ts"), sWeight * (Symbol("dA", "ts") - SumOver("r", Symbol("A", "tr") * Symbol("dA", "tr")))),
            (t, column) => Sees(t, column) ? weight[t, column] * (dWeight[t, column] - Sum(Seen(t).Select(s => weight[t, ColumnOf(s, column / steps)] * dWeight[t, ColumnOf(s, column / steps)]))) : 0, "dS");
        // What comes back to a query and a key as they were compared; where they were turned, it is turned back.
        Expression ToQuery(int t, int column) => Sum(Seen(t).Select(s => dScore[t, ColumnOf(s, column / d)] * Key(s, column / d, column % d))) * scale;
        Expression ToKey(int s, int column) => Sum(SeenBy(s).Select(t => dScore[t, ColumnOf(s, column / d)] * Query(t, column / d, column % d))) * scale;
        var (sQuery, sKey) = (SumOver("s", Symbol("dS", "ts") * Symbol("k", "sk")) / Sqrt(Symbol("d")), SumOver("t", Symbol("dS", "ts") * Symbol("q", "tk")) / Sqrt(Symbol("d")));
        var dQuery = turn is null ? null : at.Define("queries.grad", x.Rows, e, Equal(Symbol("dq", "tk"), sQuery), ToQuery, "dq");
        var dKey = turn is null ? null : at.Define("keys.grad", x.Rows, e, Equal(Symbol("dk", "sk"), sKey), ToKey, "dk");
        var ofValue = mask is null ? "dv_sk = Σ_t A_ts dY_tk" : "dv_sk = Σ_t A_ts M_ts dY_tk";
        at.Rule(at.InputGradient, turn is null ? Equal(Symbol("dq", "tk"), sQuery) : Turn.SymbolsBack, (row, column) => (column / e) switch
        {
            0 => dQuery is null ? ToQuery(row, column) : turn!.Back(dQuery, row, column),
            1 => dKey is null ? ToKey(row, column - e) : turn!.Back(dKey, row, column - e),
            _ => Sum(SeenBy(row).Select(t => Used(t, ColumnOf(row, column % e / d)) * dY![t, column % e])),
        }, turn is null
            ? $"A query gets back by the scores that it gave; a key by those that were given to it, dk_sk = Σ_t dS_ts q_tk / sqrt(d); a value by the weights that it had, {ofValue}."
            : $"Queries and keys are turned back; a value gets back by the weights that it had, {ofValue}.");
    }

    /// <summary>What the weights are multiplied with, in their columns; null where nothing is dropped.</summary>
    private static Quantity? Mask(Place<T> at, ScaledDotProductAttention<T> layer, int steps)
    {
        var pass = (AttentionPass<T>)at.Pass;
        if (at.Input.Rows == 0 || pass.DropoutMask(0, 0) is null) return null;
        var (rows, all) = (at.Input.Rows, new T[at.Input.Rows * layer.NumHeads * steps]);
        for (var sequence = 0; sequence < rows / steps; sequence++)
            for (var head = 0; head < layer.NumHeads; head++)
            {
                var mask = pass.DropoutMask(sequence, head)!;
                for (var t = 0; t < steps; t++)
                    for (var s = 0; s < steps; s++) all[(head * steps + s) * rows + sequence * steps + t] = mask[t, s];
            }

        return at.Keep("mask", rows, layer.NumHeads * steps, all, "M");
    }

    /// <summary>Each pair of columns of a head, turned by an angle that grows with the step.</summary>
    private sealed class Turn
    {
        private readonly Place<T> _at;
        private readonly int _steps, _width;
        private readonly Quantity _cos, _sin;

        public Turn(Place<T> at, int steps, int width, double @base)
        {
            (_at, _steps, _width) = (at, steps, width);
            _cos = Keep("cos", Math.Cos);
            _sin = Keep("sin", Math.Sin);

            Quantity Keep(string name, Func<double, double> function) =>
                at.Keep(name, steps, width / 2, [.. from pair in Enumerable.Range(0, width / 2) from t in Enumerable.Range(0, steps) select T.CreateChecked(function(t * Math.Pow(@base, -2.0 * pair / width)))]);
        }

        /// <summary>The way back in symbols.</summary>
        public static Expression SymbolsBack => Equal(Symbol("dX", "tk"), Cases(Of("dq", 0) * Cos + Of("dq", 1) * Sin, Of("dq", 1) * Cos - Of("dq", 0) * Sin));

        private static Expression Cos => Symbol("cos", "ti");

        private static Expression Sin => Symbol("sin", "ti");

        /// <summary>Names queries or keys as they are compared.</summary>
        public Quantity Forward(Quantity x, string name, string symbol, int columns, int first) => _at.Define(
            name, x.Rows, columns, Equal(Symbol(symbol, "tk"), Cases(Of("x", 0) * Cos - Of("x", 1) * Sin, Of("x", 0) * Sin + Of("x", 1) * Cos)), (t, column) =>
        {
            var (a, b, cos, sin) = Pair(x, t, column, first);
            return column % 2 == 0 ? a * cos - b * sin : a * sin + b * cos;
        }, symbol);

        /// <summary>A gradient turned back.</summary>
        public Expression Back(Quantity gradient, int t, int column)
        {
            var (a, b, cos, sin) = Pair(gradient, t, column, 0);
            return column % 2 == 0 ? a * cos + b * sin : b * cos - a * sin;
        }

        private static Expression Of(string name, int which) => Symbol(name, which == 0 ? "t, 2i" : "t, 2i+1");

        private static Expression Cases(Expression even, Expression odd) => Where(new(Symbol("k"), "=", Symbol("2i")), even, odd);

        // Heads are of an even width.
        private (Expression A, Expression B, Expression Cos, Expression Sin) Pair(Quantity of, int t, int column, int first) =>
            (of[t, first + column - column % 2], of[t, first + column - column % 2 + 1], _cos[t % _steps, column % _width / 2], _sin[t % _steps, column % _width / 2]);
    }
}
