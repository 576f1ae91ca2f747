# -*- coding: utf-8 -*-
import allspark


class MyProcessor(allspark.BaseProcessor):
    """ MyProcessor is an example
        you can send a message like this to predict
        curl -v http://127.0.0.1:8080/api/predict/sum -d '2 105'
    """
    def initialize(self):
        """ load the model, executed once at the start of the service """
        self.module = {'w0': 1, 'w1': 1}

    def pre_process(self, data):
        """ data format pre process """
        x, y = data.split(b' ')
        return int(x), int(y)

    def post_process(self, data):
        """ process after process """
        return bytes(str(data), encoding='utf8')

    def process(self, data):
        """ process the request data """
        x, y = self.pre_process(data)
        w0 = self.module['w0']
        w1 = self.module['w1']
        return self.post_process(w0 * x + w1 * y), 200


if __name__ == '__main__':
    # parameter worker_threads indicates concurrency of processing
    runner = MyProcessor(worker_threads=10)
    runner.run()
