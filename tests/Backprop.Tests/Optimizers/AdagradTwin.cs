using TorchSharp;
using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>
/// torch.optim.Adagrad, operation for operation. TorchSharp 0.107's own hands libtorch numbers that nothing holds, so that now and then the garbage collector
/// frees one while libtorch reads it: "Exception raised from toFloat at Scalar.h". Here they are held until the step is over.
/// </summary>
internal sealed class AdagradTwin : TorchSharp.Modules.Adagrad
{
    private readonly TorchSharp.Modules.Parameter[] _parameters;
    private readonly Tensor[] _sums;
    private readonly long[] _steps;
    private readonly (double Rate, double RateDecay, double Decay, double Epsilon) _with;

    public AdagradTwin(TorchSharp.Modules.Parameter[] parameters, double rate, double rateDecay, double decay, double initial, double epsilon = 1e-10)
        : base(parameters, rate, rateDecay, decay, initial, epsilon)
    {
        using Scalar start = initial;
        (_parameters, _steps, _with) = (parameters, new long[parameters.Length], (rate, rateDecay, decay, epsilon));
        _sums = Array.ConvertAll(parameters, parameter => full_like(parameter, start));
    }

    public override Tensor step(Func<Tensor>? closure = null)
    {
        using var noGradient = no_grad();
        using Scalar one = 1.0, epsilon = _with.Epsilon, decay = _with.Decay;
        for (var i = 0; i < _parameters.Length; i++)
        {
            if (_parameters[i].grad is not { } gradient) continue;
            using Scalar size = -_with.Rate / (1 + _steps[i]++ * _with.RateDecay);
            if (_with.Decay != 0) gradient = gradient.add(_parameters[i], decay);
            _sums[i].addcmul_(gradient, gradient, one);
            _parameters[i].addcdiv_(gradient, _sums[i].sqrt().add_(epsilon, one), size);
        }

        return null!;
    }
}
