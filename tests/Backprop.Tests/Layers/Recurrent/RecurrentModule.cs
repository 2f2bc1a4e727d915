using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>PyTorch's RNN, GRU or LSTM, run on rows as ours, with lengths by a packed sequence.</summary>
internal sealed class RecurrentModule : IDisposable
{
    private readonly RecurrentCase _case;
    private readonly nn.Module _module;

    public RecurrentModule(RecurrentCase c, ScalarType type, double dropout)
    {
        _case = c;
        _module = c.Kind switch
        {
            "LSTM" => nn.LSTM(c.Inputs, c.Units, c.Layers, c.Bias, true, dropout, c.Bidirectional, dtype: type),
            "GRU" => nn.GRU(c.Inputs, c.Units, c.Layers, c.Bias, true, dropout, c.Bidirectional, dtype: type),
            _ => nn.RNN(c.Inputs, c.Units, c.Layers, c.Kind == "RNN, ReLU" ? nn.NonLinearities.ReLU : nn.NonLinearities.Tanh, c.Bias, true, dropout, c.Bidirectional, dtype: type),
        };
    }

    public IEnumerable<(string Name, Tensor Value)> Parameters => _module.named_parameters().Select(named => (named.name, (Tensor)named.parameter));

    public void Train(bool on) => _module.train(on);

    /// <summary>y, h_n and c_n, from x and, where there are, h_0 and c_0.</summary>
    public (Tensor Y, Tensor H, Tensor? C) Run(Tensor x, Tensor? h = null, Tensor? c = null)
    {
        var input = x.reshape(_case.Sequences, _case.Steps, -1);
        if (!_case.HasLengths)
        {
            var (y, hN, cN) = Run(input, h, c, _module);
            return (y.reshape(_case.Rows, -1), hN, cN);
        }

        var packed = nn.utils.rnn.pack_padded_sequence(input, tensor(_case.Lengths.Select(length => (long)length).ToArray()), batch_first: true, enforce_sorted: false);
        nn.utils.rnn.PackedSequence output;
        Tensor hOut;
        Tensor? cOut = null;
        if (_module is LSTM lstm) (output, hOut, cOut) = lstm.call(packed, h is null ? null : (h, c!));
        else if (_module is GRU gru) (output, hOut) = gru.call(packed, h);
        else (output, hOut) = ((TorchSharp.Modules.RNN)_module).call(packed, h);
        var (padded, _) = nn.utils.rnn.pad_packed_sequence(output, batch_first: true, total_length: _case.Steps);
        return (padded.reshape(_case.Rows, -1), hOut, cOut);
    }

    public void Dispose() => _module.Dispose();

    private static (Tensor Y, Tensor H, Tensor? C) Run(Tensor input, Tensor? h, Tensor? c, nn.Module module)
    {
        if (module is LSTM lstm) return lstm.call(input, h is null ? null : (h, c!));
        var (y, hN) = module is GRU gru ? gru.call(input, h) : ((TorchSharp.Modules.RNN)module).call(input, h);
        return (y, hN, null);
    }
}
