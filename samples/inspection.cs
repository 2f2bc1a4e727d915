#:project ../src/Backprop/Backprop.csproj
// Inspection: why does this network not learn? Every value and every gradient of a pass is there to be looked at.
using Backprop;
using MathNet.Numerics.LinearAlgebra;

var x = Matrix<double>.Build.Dense(64, 16);
new Generator(seed: 1).Normal(x);
var y = Matrix<double>.Build.Dense(64, 1, (i, _) => x[i, 0] > x[i, 1] ? 1 : 0);

var vanishing = Look("six layers with sigmoids", () => new Sigmoid<double>(), Nonlinearity.Sigmoid);
var steady = Look("six layers with ReLU, and weights made for it", () => new ReLU<double>(), Nonlinearity.ReLU);
Console.WriteLine($"the first layer's gradient is {vanishing:P2} of the last's with sigmoids, and {steady:P0} with ReLU");
return vanishing < 0.01 && steady > 0.1 ? 0 : 1;

// How large the gradient of the first layer's weights is beside the last's.
double Look(string title, Func<Layer<double>> activation, Nonlinearity nonlinearity)
{
    var generator = new Generator(seed: 2);
    var model = new Sequential<double>();
    for (var i = 1; i <= 6; i++)
    {
        var linear = new Linear<double>(16, i == 6 ? 2 : 16, generator: generator);
        if (nonlinearity == Nonlinearity.ReLU) Init.KaimingNormal(linear.Weight, nonlinearity: nonlinearity, generator: generator);
        model.Add($"linear{i}", linear);
        if (i < 6) model.Add($"bend{i}", activation());
    }

    var (loss, pass) = (new CrossEntropyLoss<double>(), model.NewPass());
    var yHat = model.Forward(x, pass);
    model.Backward(pass, loss.Backward(yHat, y));

    Console.WriteLine(title);
    Console.WriteLine("            y: mean and deviation     dL/dy");
    Show("x", pass.Input, pass.InputGradient!);
    foreach (var (child, step) in model.Children.Zip(pass.Steps)) Show(child.Name, step.Output, step.OutputGradient!);

    // One entry by hand: what does the loss say when this weight moves a little?
    var first = model.Get<Linear<double>>("linear1").Weight;
    var (before, gradient) = (first.Value[0, 0], first.Gradient[0, 0]);
    first.Value[0, 0] = before + 1e-5;
    var above = loss.Forward(model.Forward(x), y);
    first.Value[0, 0] = before - 1e-5;
    var below = loss.Forward(model.Forward(x), y);
    first.Value[0, 0] = before;
    var measured = (above - below) / 2e-5;
    Console.WriteLine($"dL/dw of linear1's first weight: {gradient:E4} by the chain rule, {measured:E4} by moving it\n");
    if (Math.Abs(gradient - measured) > 1e-8) throw new InvalidOperationException("The two differ.");
    return first.Gradient.FrobeniusNorm() / model.Get<Linear<double>>("linear6").Weight.Gradient.FrobeniusNorm();
}

static void Show(string name, Matrix<double> values, Matrix<double> gradients)
{
    var mean = values.Enumerate().Average();
    var deviation = Math.Sqrt(values.Enumerate().Average(value => (value - mean) * (value - mean)));
    Console.WriteLine($"{name,-10} {mean,10:F4} {deviation,12:F4} {gradients.Enumerate().Average(Math.Abs),14:E2}");
}
