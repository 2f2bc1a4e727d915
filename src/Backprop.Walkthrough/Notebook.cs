using System.Numerics;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>What the reader can change.</summary>
internal sealed record NotebookSettings(
    double HiddenWeight, double HiddenBias, double OutputWeight, double OutputBias, int Points, double LearningRate, int Steps)
{
    /// <summary>The notebook's values; it does not train, so the last two are ours.</summary>
    public static NotebookSettings Default { get; } = new(-0.1, 0, -0.1, 0, Points: 8, LearningRate: 0.1, Steps: 1000);
}

/// <summary>The notebook's network, its data, and one pass through it: forward, loss, backward.</summary>
internal sealed class Notebook<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <param name="settings">The values to start from.</param>
    /// <param name="activation">Stands in for the sigmoid; for tests of what happens when a layer is wrong.</param>
    public Notebook(NotebookSettings settings, Layer<T>? activation = null)
    {
        Settings = settings;
        X = Matrix<T>.Build.DenseOfColumnArrays(Array.ConvertAll(Generate.LinearSpaced(settings.Points, -1, 1), T.CreateChecked));
        Y = X.Clone();
        Hidden = new Linear<T>(1, 1);
        Output = new Linear<T>(1, 1);
        Model = new Sequential<T> { { "hidden", Hidden }, { "activation", activation ?? new Sigmoid<T>() }, { "output", Output } };
        Set(Hidden, settings.HiddenWeight, settings.HiddenBias);
        Set(Output, settings.OutputWeight, settings.OutputBias);
        Pass = Model.NewPass();
        Run();
    }

    public NotebookSettings Settings { get; }
    public Matrix<T> X { get; }
    public Matrix<T> Y { get; }
    public Linear<T> Hidden { get; }
    public Linear<T> Output { get; }
    public Sequential<T> Model { get; }
    public MSELoss<T> LossFunction { get; } = new();
    public ForwardPass<T> Pass { get; }

    /// <summary>L, as <see cref="Run"/> found it.</summary>
    public T Loss { get; private set; }

    public Matrix<T> A1 => Pass["hidden"].Output;
    public Matrix<T> Z1 => Pass["activation"].Output;
    public Matrix<T> YHat => Pass["output"].Output;
    public Matrix<T> DYHat => Pass["output"].OutputGradient!;
    public Matrix<T> DZ1 => Pass["activation"].OutputGradient!;
    public Matrix<T> DA1 => Pass["hidden"].OutputGradient!;
    public Matrix<T> DX => Pass["hidden"].InputGradient!;

    /// <summary>Forward, loss, backward, with the parameters as they are.</summary>
    public void Run()
    {
        var yHat = Model.Forward(X, Pass);
        Loss = LossFunction.Forward(yHat, Y);
        foreach (var parameter in Model.Parameters) parameter.ZeroGradient();
        Model.Backward(Pass, LossFunction.Backward(yHat, Y));
    }

    /// <summary>Gradient descent.</summary>
    /// <returns>The loss before each step, and after the last.</returns>
    public double[] Fit(double learningRate, int steps, Action<int> report)
    {
        var sgd = new SGD<T>(Model.Parameters, learningRate);
        var losses = new double[steps + 1];
        for (var step = 0; step <= steps; step++)
        {
            Run();
            losses[step] = double.CreateChecked(Loss);
            report(step);
            if (step < steps) sgd.Step();
        }

        return losses;
    }

    private static void Set(Linear<T> linear, double weight, double bias)
    {
        linear.Weight.Value[0, 0] = T.CreateChecked(weight);
        linear.Bias!.Value[0] = T.CreateChecked(bias);
    }
}
