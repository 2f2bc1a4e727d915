namespace Backprop.Playground;

/// <summary>Which optimizer, and its main settings.</summary>
internal sealed record OptimizerSettings
{
    /// <summary>The optimizers, as the address has them, and as people read them.</summary>
    public static readonly (string Name, string Title)[] All = [("sgd", "gradient descent (SGD)"), ("adam", "Adam"), ("adamw", "AdamW"), ("rmsprop", "RMSprop"), ("adagrad", "Adagrad")];

    public string Name { get; init; } = "sgd";

    public double LearningRate { get; init; } = 0.1;

    public double Momentum { get; init; }

    public bool Nesterov { get; init; }

    public double Beta1 { get; init; } = 0.9;

    public double Beta2 { get; init; } = 0.999;

    public double Alpha { get; init; } = 0.99;

    /// <summary>The weight decay; null for the optimizer's usual one.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>The settings that this optimizer has, but for the learning rate.</summary>
    public string[] Names => Name switch
    {
        "sgd" => ["momentum", "nesterov", "decay"],
        "adam" or "adamw" => ["beta1", "beta2", "decay"],
        "rmsprop" => ["alpha", "momentum", "decay"],
        _ => ["decay"],
    };

    /// <summary>Whether a step is gradient descent and nothing else, so that it can be told from the gradient.</summary>
    public bool IsPlain => Name == "sgd" && Momentum == 0 && Decay == 0;

    public double Decay => WeightDecay ?? (Name == "adamw" ? 0.01 : 0);

    public double this[string setting] => setting switch
    {
        "lr" => LearningRate,
        "momentum" => Momentum,
        "nesterov" => Nesterov ? 1 : 0,
        "beta1" => Beta1,
        "beta2" => Beta2,
        "alpha" => Alpha,
        "decay" => Decay,
        _ => throw Unknown(setting),
    };

    public OptimizerSettings With(string setting, double value) => setting switch
    {
        "lr" => this with { LearningRate = value },
        "momentum" => this with { Momentum = value },
        "nesterov" => this with { Nesterov = value != 0 },
        "beta1" => this with { Beta1 = value },
        "beta2" => this with { Beta2 = value },
        "alpha" => this with { Alpha = value },
        "decay" => this with { WeightDecay = value },
        _ => throw Unknown(setting),
    };

    /// <summary>Makes the optimizer.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public Optimizer<double> Make(IReadOnlyList<Parameter<double>> parameters) => Name switch
    {
        "sgd" => new SGD<double>(parameters, LearningRate, Momentum, weightDecay: Decay, nesterov: Nesterov),
        "adam" => new Adam<double>(parameters, LearningRate, Beta1, Beta2, weightDecay: Decay),
        "adamw" => new AdamW<double>(parameters, LearningRate, Beta1, Beta2, weightDecay: Decay),
        "rmsprop" => new RMSprop<double>(parameters, LearningRate, Alpha, weightDecay: Decay, momentum: Momentum),
        "adagrad" => new Adagrad<double>(parameters, LearningRate, weightDecay: Decay),
        _ => throw new PlaygroundException($"The optimizer should be one of {string.Join(", ", All.Select(optimizer => optimizer.Name))}, but it is \"{Name}\"."),
    };

    private static PlaygroundException Unknown(string setting) => new($"There is no setting \"{setting}\" of an optimizer.");
}
