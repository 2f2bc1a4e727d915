#:project ../src/Backprop/Backprop.csproj
// XOR: four points that no straight line separates, learned in a loop of your own.
using Backprop;
using MathNet.Numerics.LinearAlgebra;

var x = Matrix<double>.Build.DenseOfArray(new[,] { { 0.0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } });
var y = Matrix<double>.Build.DenseOfArray(new[,] { { 0.0 }, { 1 }, { 1 }, { 0 } });

var generator = new Generator(seed: 1);
var model = new Sequential<double>
{
    new Linear<double>(2, 4, generator: generator),
    new Tanh<double>(),
    new Linear<double>(4, 1, generator: generator),     // a logit: above 0 is a 1
};
var loss = new BCEWithLogitsLoss<double>();
var adam = new Adam<double>(model.Parameters, learningRate: 0.05);
var pass = model.NewPass();
for (var step = 0; step < 500; step++)
{
    var logits = model.Forward(x, pass);
    adam.ZeroGradients();
    model.AccumulateGradients(pass, loss.Backward(logits, y));
    adam.Step();
}

var right = 0;
for (var i = 0; i < 4; i++)
{
    var one = 1 / (1 + Math.Exp(-model.Forward(x.Row(i))[0]));
    if (Math.Round(one) == y[i, 0]) right++;
    Console.WriteLine($"{x[i, 0]} xor {x[i, 1]} is 1 with probability {one:F3}");
}

var value = loss.Forward(model.Forward(x), y);
Console.WriteLine($"{right} of 4 right, loss {value:F4}");
return right == 4 && value < 0.01 ? 0 : 1;
