using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using static TorchSharp.torch.nn;

namespace Backprop.Benchmarks;

/// <summary>One training step: zero gradients, forward, loss, backward, SGD.</summary>
internal abstract class TrainingStep : ISide
{
    /// <summary>Does one step and returns the loss before it.</summary>
    public abstract double Step();

    public virtual void Run(int times)
    {
        for (var i = 0; i < times; i++) Step();
    }

    public abstract void Dispose();
}

/// <summary>Our side, through the public API: a reused pass, a reused gradient.</summary>
internal sealed class OurStep<T> : TrainingStep where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Sequential<T> _model;
    private readonly ForwardPass<T> _pass;
    private readonly MSELoss<T> _loss = new();
    private readonly SGD<T> _sgd;
    private readonly Matrix<T> _x, _y, _dY;

    public OurStep(Network network)
    {
        _model = network.NewModel<T>();
        _pass = _model.NewPass();
        _sgd = new SGD<T>(_model.Parameters, Network.LearningRate);
        (_x, _y) = (network.NewInput<T>(), network.NewTarget<T>());
        _dY = Matrix<T>.Build.Dense(_y.RowCount, _y.ColumnCount);
    }

    public override double Step()
    {
        _sgd.ZeroGradients();
        var yHat = _model.Forward(_x, _pass);
        var loss = _loss.ForwardBackward(yHat, _y, _dY);
        _model.AccumulateGradients(_pass, _dY);
        _sgd.Step();
        return double.CreateTruncating(loss);
    }

    public override void Dispose() { }
}

/// <summary>TorchSharp's side, from the same weights.</summary>
internal sealed class TorchStep<T> : TrainingStep where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly TorchSharp.Modules.Sequential _model;
    private readonly TorchSharp.Modules.MSELoss _loss = MSELoss();
    private readonly TorchSharp.Modules.SGD _sgd;
    private readonly torch.Tensor _x, _y;

    public TorchStep(Network network)
        : this(TorchModel.From(network.NewModel<T>()), network.NewInput<T>().ToTensor(), network.NewTarget<T>().ToTensor()) { }

    /// <summary>Takes over a model, input and target.</summary>
    public TorchStep(TorchSharp.Modules.Sequential model, torch.Tensor x, torch.Tensor y)
    {
        (_model, _x, _y) = (model, x, y);
        _sgd = torch.optim.SGD(_model.parameters(), Network.LearningRate);
    }

    public override double Step()
    {
        _model.zero_grad(set_to_none: true);     // PyTorch's default, and faster than the optimizer's, which writes zeros
        using var yHat = _model.call(_x);
        using var loss = _loss.call(yHat, _y);
        loss.backward();
        _sgd.step();
        return typeof(T) == typeof(float) ? loss.ToSingle() : loss.ToDouble();
    }

    public override void Dispose()
    {
        _sgd.Dispose();
        _model.Dispose();
        _loss.Dispose();
        _x.Dispose();
        _y.Dispose();
    }
}
