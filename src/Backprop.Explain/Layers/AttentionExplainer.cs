using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="ScaledDotProductAttention{T}"/>: who looks at whom, and the four paths back; and the projections that <see cref="MultiheadAttention{T}"/> puts before it.</summary>
/// <remarks>What is turned by its position, and weights that are dropped, are left to the layer's own backward pass.</remarks>
internal sealed class AttentionExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is ScaledDotProductAttention<T> or MultiheadAttention<T>;

    public override void Explain(Place<T> at)
    {
        if (at.Layer is MultiheadAttention<T> heads) Project(at, heads);
        else if (at.Layer is ScaledDotProductAttention<T> { RotaryBase: null } attention && (attention.Dropout == 0 || !at.Training)) Attend(at, attention);
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
        // In the row t of a sequence, the head h has columns of its own, in the queries, the keys and the values; the columns h T + s of scores and weights are how it looks at the step s.
        Entry Query(int t, int h, int k) => x[t, h * d + k];
        Entry Key(int t, int h, int k) => x[t, e + h * d + k];
        Entry Value(int t, int h, int k) => x[t, 2 * e + h * d + k];
        int First(int t) => t - t % steps;
        // Those that a step sees, as rows of x.
        IEnumerable<int> Seen(int t) => Enumerable.Range(First(t), layer.Causal ? t % steps + 1 : steps);
        IEnumerable<int> SeenBy(int s) => layer.Causal ? Enumerable.Range(s, steps - s % steps) : Enumerable.Range(First(s), steps);
        bool Sees(int t, int column) => !layer.Causal || column % steps <= t % steps;
        int ColumnOf(int s, int h) => h * steps + s % steps;

        // S = Q K^T / √d      A = softmax(S)      y = A V
        var (sScore, sWeight) = (Symbol("S", "ts"), Symbol("A", "ts"));
        var note = layer.Causal ? "A step sees itself and those before it." : null;
        var score = at.Define("scores", x.Rows, columns, Equal(sScore, SumOver("k", Symbol("q", "tk") * Symbol("k", "sk")) / Sqrt(Symbol("d"))),
            (t, column) => Sees(t, column) ? Sum(d, k => Query(t, column / steps, k) * Key(First(t) + column % steps, column / steps, k)) * scale : double.NegativeInfinity, "S");
        var greatest = at.Define("greatest", x.Rows, layer.NumHeads, Equal(Symbol("m", "t"), Max(Symbol("S", "t1"), Symbol("S", "t2"), Symbol("...", ""))), (t, h) => Max([.. Seen(t).Select(s => score[t, ColumnOf(s, h)])]), "m");
        var total = at.Define("total", x.Rows, layer.NumHeads, Equal(Symbol("z", "t"), SumOver("s", Exp(sScore - Symbol("m", "t")))), (t, h) => Sum(Seen(t).Select(s => Exp(score[t, ColumnOf(s, h)] - greatest[t, h]))), "z");
        var weight = at.Define("weights", x.Rows, columns, Equal(sWeight, Exp(sScore - Symbol("m", "t")) / Symbol("z", "t")),
            (t, column) => Sees(t, column) ? Exp(score[t, column] - greatest[t, column / steps]) / total[t, column / steps] : 0, "A");
        at.Rule(y, Equal(Symbol("y", "tk"), SumOver("s", sWeight * Symbol("v", "sk"))), (t, column) => Sum(Seen(t).Select(s => weight[t, ColumnOf(s, column / d)] * Value(s, column / d, column % d))), note);
        if (at.InputGradient is null) return;

        // dA = dY V^T      dS = A (dA - Σ A dA)      dQ = dS K / √d      dK = dS^T Q / √d      dV = A^T dY
        var dWeight = at.Define("weights.grad", x.Rows, columns, Equal(Symbol("dA", "ts"), SumOver("k", Symbol("dY", "tk") * Symbol("v", "sk"))),
            (t, column) => Sees(t, column) ? Sum(d, k => dY![t, column / steps * d + k] * Value(First(t) + column % steps, column / steps, k)) : 0, "dA");
        var dScore = at.Define("scores.grad", x.Rows, columns, Equal(Symbol("dS", "ts"), sWeight * (Symbol("dA", "ts") - SumOver("r", Symbol("A", "tr") * Symbol("dA", "tr")))),
            (t, column) => Sees(t, column) ? weight[t, column] * (dWeight[t, column] - Sum(Seen(t).Select(s => weight[t, ColumnOf(s, column / steps)] * dWeight[t, ColumnOf(s, column / steps)]))) : 0, "dS");
        at.Rule(at.InputGradient, Equal(Symbol("dq", "tk"), SumOver("s", Symbol("dS", "ts") * Symbol("k", "sk")) / Sqrt(Symbol("d"))), (row, column) =>
        {
            var (h, k) = (column % e / d, column % d);
            return (column / e) switch
            {
                0 => Sum(Seen(row).Select(s => dScore[row, ColumnOf(s, h)] * Key(s, h, k))) * scale,
                1 => Sum(SeenBy(row).Select(t => dScore[t, ColumnOf(row, h)] * Query(t, h, k))) * scale,
                _ => Sum(SeenBy(row).Select(t => weight[t, ColumnOf(row, h)] * dY![t, h * d + k])),
            };
        }, "A query gets back by the scores that it gave; a key by those that were given to it, dk_sk = Σ_t dS_ts q_tk / sqrt(d); a value by the weights that it had, dv_sk = Σ_t A_ts dY_tk.");
    }
}
