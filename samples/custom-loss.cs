#:project ../src/Backprop/Backprop.csproj
// A loss of your own: not the mean, but what nine of ten stay below. The pinball loss, checked, and then learned with.
using Backprop;
using MathNet.Numerics.LinearAlgebra;

var generator = new Generator(seed: 1);
var loss = new PinballLoss(0.9);
var (p, t) = (Matrix<double>.Build.Random(6, 2, seed: 1), Matrix<double>.Build.Random(6, 2, seed: 2));
GradientCheck.Run(loss, p, t).ThrowIfFailed();          // which entry is wrong, and by what, if it were

// How long a delivery takes: longer where it is far, and the less certain.
var data = Minutes(4000);
var (training, test) = data.Split(heldBack: 0.5, generator);
var model = new Sequential<double>
{
    new Linear<double>(1, 16, generator: generator), new Tanh<double>(), new Linear<double>(16, 1, generator: generator),
};
var adam = new Adam<double>(model.Parameters, learningRate: 0.02);
var batches = new Batches<double>(training, batchSize: 50, shuffle: generator);
new Trainer<double>(model, loss, adam, batches) { Scheduler = new CosineAnnealingLR(adam, tMax: 40) }.Fit(untilEpoch: 40);

var promised = model.Forward(test.X);
var covered = Share(_ => true);
var (near, far) = (Share(i => test.X[i, 0] < 0.3), Share(i => test.X[i, 0] > 0.7));
Console.WriteLine($"of {test.Count} deliveries that were held back {covered:P1} come in time: {near:P1} of near ones, {far:P1} of far ones");
return Math.Abs(covered - 0.9) < 0.02 && Math.Abs(near - 0.9) < 0.05 && Math.Abs(far - 0.9) < 0.05 ? 0 : 1;

double Share(Func<int, bool> which)
{
    var rows = Enumerable.Range(0, test.Count).Where(which).ToArray();
    return rows.Count(i => test.Y[i, 0] <= promised[i, 0]) / (double)rows.Length;
}

Samples<double> Minutes(int count)
{
    var (distance, noise) = (Matrix<double>.Build.Dense(count, 1), Matrix<double>.Build.Dense(count, 1));
    generator.Uniform(distance);
    generator.Normal(noise);
    return new(distance, distance + 0.5 * distance.PointwiseMultiply(noise) + 1);
}

/// <summary>l = max(q (t - p), (q - 1) (t - p)): too little costs q, too much 1 - q, so the best prediction is the quantile q.</summary>
internal sealed class PinballLoss(double q) : ElementwiseLoss<double>
{
    protected override void Losses(ReadOnlySpan<double> p, ReadOnlySpan<double> t, Span<double> losses)
    {
        for (var i = 0; i < p.Length; i++) losses[i] = Math.Max(q * (t[i] - p[i]), (q - 1) * (t[i] - p[i]));
    }

    protected override void Derivatives(ReadOnlySpan<double> p, ReadOnlySpan<double> t, Span<double> derivatives)
    {
        for (var i = 0; i < p.Length; i++) derivatives[i] = t[i] > p[i] ? -q : 1 - q;
    }

    public override string ToString() => $"PinballLoss({q})";
}
